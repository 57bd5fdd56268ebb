/* A DUID of the machine (see duid.h): DUID-UUID (RFC 6355), made of /etc/machine-id. That number is
 * not to be shown to others as it is (machine-id(5)), so that it goes through a digest, as a UUID
 * of version 5 does (RFC 9562 §5.5). */
#include "duid.h"

#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "slurp.h"

enum { TYPE_UUID = 4, UUID = 16, MACHINE_ID_MAX = 64 };

static bool machine_digest(uint8_t uuid[UUID], const char *role)
{
	static const char words[] = "greyline DHCPv6 ";
	uint8_t digest[SHA1_SIZE];
	char *id;
	size_t length;
	if (slurp("/etc/machine-id", MACHINE_ID_MAX, &id, &length, NULL))
		return false;
	struct piece pieces[] = {{words, strlen(words)}, {role, strlen(role)}, {id, length}};
	sha1(digest, pieces, sizeof pieces / sizeof pieces[0]);
	memcpy(uuid, digest, UUID);
	slurp_free(id, length);
	return length >= 2 * UUID;
}

void duid_make(struct dhcpv6_duid *duid, const char *role, struct random *random)
{
	*duid = (struct dhcpv6_duid){.length = 2 + UUID, .bytes = {0, TYPE_UUID}};
	uint8_t *uuid = duid->bytes + 2;
	if (!machine_digest(uuid, role))
		random_bytes(random, uuid, UUID);
	uuid[6] = (uint8_t)(0x50 | (uuid[6] & 0x0f));
	uuid[8] = (uint8_t)(0x80 | (uuid[8] & 0x3f));
}
