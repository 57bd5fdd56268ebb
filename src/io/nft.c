/* Text for nft(8). Everything variable in it is checked first (nft_config_valid), so nothing from
 * a configuration file can become a rule of its own.
 *
 * "table … ; delete table …" in front makes the script succeed whether or not the table is there,
 * and the whole file is one transaction, so there is no moment with half of it. TCP's MSS needs no
 * rule: the data path sees to it (mss.c). */
#include <string.h>

#include "nft.h"

static bool is_word(const char *word, size_t size, bool star_allowed)
{
	size_t length = strnlen(word, size);
	if (length == 0 || length == size)
		return false;
	for (size_t i = 0; i < length; i++) {
		char c = word[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		bool other = (c >= '0' && c <= '9') || c == '_' ||
			     (star_allowed && (c == '-' || c == '.'));
		bool star = star_allowed && c == '*' && i > 0 && i + 1 == length;
		if (!star && !letter && (!other || (i == 0 && !star_allowed)))
			return false;
	}
	return true;
}

bool nft_config_valid(const struct nft_config *config)
{
	return is_word(config->table, sizeof(config->table), false) &&
	       is_word(config->interface, sizeof(config->interface), true) &&
	       config->pool.address.family == 4 && config->pool.length <= 32;
}

static void pool(struct text *t, const struct prefix *prefix)
{
	uint32_t mask = prefix->length ? UINT32_MAX << (32 - prefix->length) : 0;
	text_ipv4(t, address_to_ipv4(&prefix->address) & mask);
	text_char(t, '/');
	text_unsigned(t, prefix->length);
}

static void interface_rule(
	struct text *t, const char *key, const struct nft_config *config, const char *then)
{
	text_add(t, "\t\t");
	text_add(t, key);
	text_add(t, " \"");
	text_add(t, config->interface);
	text_add(t, "\" ");
	text_add(t, then);
	text_char(t, '\n');
}

static void forward_chain(struct text *t, const struct nft_config *config)
{
	text_add(t, "\tchain forward {\n"
		    "\t\ttype filter hook forward priority filter; policy accept;\n");
	interface_rule(t, "iifname", config, "accept");
	interface_rule(t, "oifname", config, "accept");
	text_add(t, "\t}\n");
}

static void nat_chain(struct text *t, const struct nft_config *config)
{
	text_add(t, "\tchain postrouting {\n"
		    "\t\ttype nat hook postrouting priority srcnat; policy accept;\n"
		    "\t\tip saddr ");
	pool(t, &config->pool);
	text_add(t, " oifname != \"");
	text_add(t, config->interface);
	text_add(t, "\" masquerade\n\t}\n");
}

void nft_removal_text(struct text *t, const char *table)
{
	text_add(t, "table inet ");
	text_add(t, table);
	text_add(t, "\ndelete table inet ");
	text_add(t, table);
	text_char(t, '\n');
}

void nft_text(struct text *t, const struct nft_config *config)
{
	nft_removal_text(t, config->table);
	text_add(t, "table inet ");
	text_add(t, config->table);
	text_add(t, " {\n");
	forward_chain(t, config);
	if (config->masquerade)
		nat_chain(t, config);
	text_add(t, "}\n");
}
