/* greyline doctor: what this machine has and what it lacks, one line each, with the command that
 * mends it. Nothing is changed. The exit status is 1 when something is missing that no option can
 * do without. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "outer.h"
#include "outer_programs.h"
#include "plane.h"
#include "ppp_device.h"
#include "privilege.h"
#include "slurp.h"
#include "tools.h"
#include "tun_steering.h"

enum verdict { FINE, NOTE, WARNING, MISSING };

static const char *const verdict_words[] = {"ok", "note", "warning", "MISSING"};

struct doctor {
	bool json, colour, missing;
	bool kernel;            /* its PPP can take the place of a TUN */
	char kernel_words[256]; /* why not */
	json_t *report;
};

static void say(struct doctor *doctor, enum verdict verdict, const char *what, const char *text,
	const char *fix)
{
	static const char *const colours[] = {"\033[32m", "", "\033[33m", "\033[31m"};
	doctor->missing |= verdict == MISSING;
	if (doctor->json) {
		json_array_append_new(doctor->report,
			json_pack("{s:s, s:s, s:s, s:s}", "check", what, "verdict",
				verdict_words[verdict], "text", text, "fix", fix ? fix : ""));
		return;
	}
	printf("%s%-8s%s %s: %s%s%s\n", doctor->colour ? colours[verdict] : "",
		verdict_words[verdict], doctor->colour && *colours[verdict] ? "\033[0m" : "", what,
		text, fix ? "; fix: " : "", fix ? fix : "");
}

/* The first line of a small file; empty when there is none. */
static const char *line_of(const char *path, char line[256])
{
	char *bytes;
	size_t length;
	line[0] = '\0';
	if (slurp(path, 4096, &bytes, &length, NULL) == 0) {
		snprintf(line, 256, "%.*s", (int)strcspn(bytes, "\n"), bytes);
		slurp_free(bytes, length);
	}
	return line;
}

static bool module_loaded(const char *name)
{
	char path[128];
	snprintf(path, sizeof path, "/sys/module/%s", name);
	return access(path, F_OK) == 0;
}

static bool in_container(void)
{
	return access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0;
}

static void check_tun(struct doctor *doctor)
{
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		unsigned features = 0;
		bool offload = ioctl(fd, TUNGETFEATURES, &features) == 0 && features & IFF_VNET_HDR;
		say(doctor, FINE, "TUN",
			offload ? "/dev/net/tun opens, and takes packets of up to 64 KiB"
				: "/dev/net/tun opens; packets pass it one by one",
			NULL);
		close(fd);
		return;
	}
	enum verdict verdict = doctor->kernel ? WARNING : MISSING;
	if (errno == EACCES || errno == EPERM)
		say(doctor, verdict, "TUN", "/dev/net/tun may not be opened",
			in_container() ? "docker run --device /dev/net/tun --cap-add NET_ADMIN"
				       : "run as root (sudo greyline doctor)");
	else
		say(doctor, verdict, "TUN", "there is no /dev/net/tun",
			in_container() ? "docker run --device /dev/net/tun" : "modprobe tun");
}

static void check_capabilities(struct doctor *doctor)
{
	const char *fix =
		in_container() ? "docker run --cap-add NET_ADMIN --cap-add NET_RAW" : "run as root";
	if (privilege_have_net_admin())
		say(doctor, FINE, "CAP_NET_ADMIN", "there (interfaces, addresses, routes)", NULL);
	else
		say(doctor, MISSING, "CAP_NET_ADMIN", "not there: no interface can be made", fix);
	if (privilege_have_net_raw())
		say(doctor, FINE, "CAP_NET_RAW", "there (GRE)", NULL);
	else
		say(doctor, MISSING, "CAP_NET_RAW", "not there: no GRE can be sent", fix);
}

static void check_gre(struct doctor *doctor)
{
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_GRE);
	if (fd >= 0) {
		close(fd);
		say(doctor, FINE, "raw GRE socket", "opens", NULL);
	} else {
		say(doctor, MISSING, "raw GRE socket", strerror(errno), "CAP_NET_RAW is needed");
	}
}

/* Loads what the server would load, and lets go of it. */
static void check_programs(struct doctor *doctor)
{
	static const char fix[] = "CAP_BPF and CAP_NET_ADMIN at the start (run as root), and a "
				  "kernel with BPF";
	char why[160], text[256];
	const char *no_rings = why, *no_xdp = why;
	struct outer_programs *programs = outer_prepare(why);
	bool rings = programs && outer_programs_rings(programs, &no_rings);
	bool xdp = programs && outer_programs_xdp(programs, &no_xdp);
	if (rings && xdp)
		snprintf(text, sizeof text, "packet rings and AF_XDP can find our packets");
	else if (rings)
		snprintf(text, sizeof text, "packet rings, but not AF_XDP: %s", no_xdp);
	else if (xdp)
		snprintf(text, sizeof text, "AF_XDP, if asked for, but not packet rings: %s",
			no_rings);
	else
		snprintf(text, sizeof text, "raw sockets only: %s", why);
	say(doctor, rings ? FINE : NOTE, "outer link", text, programs ? NULL : fix);
	if (programs)
		outer_programs_close(programs);
	struct tun_steering *steering = tun_steering_open(why);
	snprintf(text, sizeof text, "%s%s",
		steering ? "a shared TUN can be steered by inner destination"
			 : "a shared TUN is steered by flow: ",
		steering ? "" : why);
	say(doctor, steering ? FINE : NOTE, "workers", text, steering ? NULL : fix);
	tun_steering_close(steering);
}

static void check_kernel_ppp(struct doctor *doctor)
{
	if (doctor->kernel)
		say(doctor, FINE, "kernel PPP",
			"has PPTP and MPPE: --data-plane kernel can be had, but is not needed",
			NULL);
	else
		say(doctor, NOTE, "kernel PPP", doctor->kernel_words,
			"none needed where there is a TUN");
}

static void check_plane(struct doctor *doctor, const struct settings *settings)
{
	struct plane_choice choice;
	char text[300], error[256];
	if (plane_choose(&choice, settings, error) < 0) {
		say(doctor, MISSING, "data plane", error, NULL);
		return;
	}
	snprintf(text, sizeof text, "%s: %s", choice.ops->name, choice.why);
	say(doctor, FINE, "data plane", text, NULL);
}

static void check_port(struct doctor *doctor)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(1723)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (const struct sockaddr *)&any, sizeof any) == 0)
		say(doctor, FINE, "TCP port 1723", "free", NULL);
	else if (errno == EADDRINUSE)
		say(doctor, NOTE, "TCP port 1723", "something listens there already",
			"ss -ltnp 'sport = :1723' says what");
	else
		say(doctor, WARNING, "TCP port 1723", strerror(errno), NULL);
	close(fd);
}

static void check_forwarding(struct doctor *doctor)
{
	char line[256];
	line_of("/proc/sys/net/ipv4/ip_forward", line);
	if (!strcmp(line, "1"))
		say(doctor, FINE, "IPv4 forwarding", "on", NULL);
	else
		say(doctor, NOTE, "IPv4 forwarding",
			"off: clients of a server here reach this machine only",
			"greyline server --nat, or sysctl -w net.ipv4.ip_forward=1");
}

static void check_conntrack(struct doctor *doctor)
{
	if (!module_loaded("nf_conntrack")) {
		say(doctor, FINE, "connection tracking", "not loaded: nothing can lose our GRE",
			NULL);
		return;
	}
	if (module_loaded("nf_conntrack_pptp"))
		say(doctor, FINE, "PPTP conntrack helper", "loaded", NULL);
	else
		say(doctor, NOTE, "PPTP conntrack helper",
			"not loaded: matters only where this machine is the NAT between a client "
			"and its server",
			"modprobe nf_conntrack_pptp, and a ct helper rule for tcp port 1723");
}

static bool on_path(const char *program)
{
	static const char *const folders[] = {
		"/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin"};
	char path[128];
	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", folders[i], program);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

/* Base chains as nft lists them; NULL when it cannot be asked. */
static json_t *nft_chains(void)
{
	static const char command[] =
		"PATH=/usr/sbin:/sbin:/usr/bin:/bin nft -j list chains 2>/dev/null";
	FILE *nft = popen(command, "re");
	json_t *answer = nft ? json_loadf(nft, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
	if (nft)
		pclose(nft);
	json_t *list = json_incref(json_object_get(answer, "nftables"));
	json_decref(answer);
	return list;
}

static void check_nft(struct doctor *doctor)
{
	if (!on_path("nft")) {
		say(doctor, WARNING, "nft", "not installed: --nat cannot work",
			"apt install nftables");
		return;
	}
	json_t *chains = nft_chains();
	if (chains)
		say(doctor, FINE, "nft", "works", NULL);
	else
		say(doctor, WARNING, "nft", "installed, but cannot list chains",
			"run as root; the kernel needs nf_tables");
	json_decref(chains);
}

static const char *owner_of(const char *table, const char *chain)
{
	if (if_nametoindex("docker0") && !strcmp(table, "filter") && !strcmp(chain, "FORWARD"))
		return "Docker";
	if (access("/etc/ufw/ufw.conf", F_OK) == 0 && !strcmp(table, "filter"))
		return "ufw";
	if (!strcmp(table, "firewalld"))
		return "firewalld";
	return "another firewall";
}

static void tell_chain(struct doctor *doctor, const char *family, const char *table,
	const char *chain, bool forward)
{
	char text[256], fix[400];
	snprintf(text, sizeof text, "%s drops by default in its %s chain (table %s %s, chain %s)",
		owner_of(table, chain), forward ? "forward" : "input", family, table, chain);
	if (forward)
		snprintf(fix, sizeof fix,
			"nft insert rule %s %s %s iifname \"greyline0\" accept; nft insert rule %s "
			"%s %s oifname \"greyline0\" accept",
			family, table, chain, family, table, chain);
	else
		snprintf(fix, sizeof fix,
			"nft insert rule %s %s %s tcp dport 1723 accept; nft insert rule %s %s %s "
			"ip protocol gre accept",
			family, table, chain, family, table, chain);
	say(doctor, WARNING, "other firewalls", text, fix);
}

static const char *word(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

/* An accept in our own table cannot undo these. */
static void check_firewalls(struct doctor *doctor)
{
	json_t *chains = nft_chains(), *entry;
	size_t i;
	unsigned found = 0;
	json_array_foreach(chains, i, entry)
	{
		json_t *chain = json_object_get(entry, "chain");
		bool forward = !strcmp(word(chain, "hook"), "forward");
		bool input = !strcmp(word(chain, "hook"), "input");
		if (strcmp(word(chain, "policy"), "drop") != 0 || (!forward && !input) ||
			!strcmp(word(chain, "table"), "greyline"))
			continue;
		found++;
		tell_chain(doctor, word(chain, "family"), word(chain, "table"), word(chain, "name"),
			forward);
	}
	if (chains && !found)
		say(doctor, FINE, "other firewalls", "no chain drops what we need by default",
			NULL);
	json_decref(chains);
}

static void check_container(struct doctor *doctor)
{
	if (!in_container()) {
		if (if_nametoindex("docker0"))
			say(doctor, NOTE, "Docker",
				"runs here: a server inside a container on its bridge gets no GRE "
				"through -p 1723:1723",
				"docker run --network host");
		return;
	}
	say(doctor, WARNING, "container",
		"on a bridge network, -p 1723:1723 passes the control connection and no GRE",
		"docker run --network host, or a macvlan network");
}

static void check_old_state(struct doctor *doctor)
{
	if (module_loaded("pptp") || module_loaded("ip_gre"))
		say(doctor, NOTE, "other GRE users",
			"the kernel's own GRE is loaded: each takes the packets of its own calls",
			NULL);
}

int doctor_command(const struct command *command, struct settings *settings, const char *nothing)
{
	const char *no_colour = getenv("NO_COLOR");
	struct doctor doctor = {.json = settings->json,
		.colour = isatty(STDOUT_FILENO) && !(no_colour && *no_colour),
		.report = json_array()};
	doctor.kernel = ppp_device_probe(true, doctor.kernel_words) == 0;
	check_plane(&doctor, settings);
	check_tun(&doctor);
	check_capabilities(&doctor);
	check_gre(&doctor);
	check_port(&doctor);
	check_programs(&doctor);
	check_kernel_ppp(&doctor);
	check_forwarding(&doctor);
	check_conntrack(&doctor);
	check_nft(&doctor);
	check_firewalls(&doctor);
	check_container(&doctor);
	check_old_state(&doctor);
	if (doctor.json) {
		json_dumpf(doctor.report, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(doctor.report);
	return doctor.missing;
}
