/* The PPP program of a call: its arguments, which are poptop's (pptpctrl.c, launch_pppd), and
 * nothing that the main process could choose but addresses. */
#include <errno.h>
#include <stdio.h>

#include "helper_wire.h"
#include "spawn.h"
#include "text.h"

#define SPEED "115200" /* of a pty: nobody looks at it */

enum { ADDRESS_SIZE = 64, ENDS_SIZE = 40 };

static void print_address(char *to, size_t size, const struct address *address)
{
	struct text t = text_over(to, size);
	text_address(&t, address);
}

static void print_ends(char ends[ENDS_SIZE], const struct helper_program *program)
{
	struct address local = address_ipv4(program->local4);
	struct address remote = address_ipv4(program->remote4);
	struct text t = text_over(ends, ENDS_SIZE);
	text_address(&t, &local);
	text_char(&t, ':');
	text_address(&t, &remote);
}

pid_t helper_program_start(
	const struct helper_config *config, const struct helper_program *program, int terminal)
{
	char client[ADDRESS_SIZE], ends[ENDS_SIZE];
	char *environment[] = {(char[]){"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
					"/sbin:/bin"},
		NULL};
	char local[] = "local", file[] = "file", speed[] = SPEED, ipparam[] = "ipparam";
	char remotenumber[] = "remotenumber";
	char *arguments[12];
	unsigned count = 0;
	if (!config->program || terminal < 0)
		return -EINVAL;
	print_address(client, sizeof(client), &program->client);
	print_ends(ends, program);
	/* execve() takes pointers to what it does not write. */
	arguments[count++] = (char *)(uintptr_t)config->program;
	arguments[count++] = local;
	if (config->program_options) {
		arguments[count++] = file;
		arguments[count++] = (char *)(uintptr_t)config->program_options;
	}
	arguments[count++] = speed;
	arguments[count++] = ends;
	arguments[count++] = ipparam;
	arguments[count++] = client;
	arguments[count++] = remotenumber;
	arguments[count++] = client;
	arguments[count] = NULL;
	return spawn_on_terminal(config->program, arguments, environment, terminal);
}
