/* Failures and the count of what was seen (see check.h). */
#include "check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct tally tally;
static uint64_t current_seed;
static jmp_buf *after_failure;

enum { OPEN_SHARE_MIN = 95 }; /* per cent of the plain seeds */

void check_begin(uint64_t seed, jmp_buf *resume)
{
	current_seed = seed;
	after_failure = resume;
}

_Noreturn void fail(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fflush(stdout);
	fprintf(stderr, "seed %llu: ", (unsigned long long)current_seed);
	vfprintf(stderr, format, arguments);
	fprintf(stderr, "\nreplay: %s --seed %llu --verbose\n", program_invocation_name,
		(unsigned long long)current_seed);
	va_end(arguments);
	tally.failed++;
	if (after_failure)
		longjmp(*after_failure, 1);
	exit(1);
}

static double share(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0.0;
}

static void print_closes(void)
{
	printf("how sessions ended          client   server\n");
	for (int i = 1; i < CLOSE_COUNT; i++)
		if (tally.closes[0][i] || tally.closes[1][i])
			printf("  %-22s %9llu %8llu\n", close_word((enum close_reason)i),
				(unsigned long long)tally.closes[0][i],
				(unsigned long long)tally.closes[1][i]);
}

static bool check_drops(bool complete)
{
	int pure = 0, reached = 0;
	for (int i = 0; i < DROP_COUNT; i++) {
		enum drop drop = (enum drop)i;
		if (drop_room(drop) == ROOM_IO)
			continue;
		pure++;
		reached += tally.drops[i] != 0;
	}
	printf("drop reasons reached        %d of %d\n", reached, pure);
	for (int i = 0; i < DROP_COUNT; i++)
		if (drop_room((enum drop)i) != ROOM_IO)
			printf("  %-22s %9llu%s\n", drop_word((enum drop)i),
				(unsigned long long)tally.drops[i],
				tally.drops[i] ? "" : "   never reached");
	return !complete || reached == pure;
}

static bool check_cells(bool complete)
{
	int cells = 0, reached = 0, by_hand = 0;
	for (int event = 0; event < FSM_EVENTS; event++)
		for (int state = 0; state < FSM_STATES; state++) {
			if (fsm_table[event][state].next == FSM_NONE)
				continue;
			cells++;
			if (tally.cells[event][state])
				reached++;
			else if (tally.by_hand[event][state])
				by_hand++;
			else
				printf("  automaton cell never reached: %s in %s\n",
					fsm_event_word((enum fsm_event)event),
					fsm_state_word((enum fsm_state)state));
		}
	printf("automaton cells reached     %d of %d (%d of them only by hand)\n",
		reached + by_hand, cells, by_hand);
	return !complete || reached + by_hand == cells;
}

bool check_summary(bool complete)
{
	double plain = share(tally.plain_opened, tally.plain);
	printf("seeds                       %llu (%llu with an adversary)\n",
		(unsigned long long)tally.seeds, (unsigned long long)tally.hostile);
	printf("virtual time                %.1f hours, %llu steps\n",
		(double)tally.virtual_us / 3.6e9, (unsigned long long)tally.steps);
	printf("sessions                    %llu, of which %llu opened (%.1f %%; %llu by incoming "
	       "calls), %llu changes while up\n",
		(unsigned long long)tally.sessions, (unsigned long long)tally.opened,
		share(tally.opened, tally.sessions), (unsigned long long)tally.incoming,
		(unsigned long long)tally.renegotiated);
	printf("compatible, loss <= 5 %%     %llu seeds, %llu opened (%.2f %%; %d %% needed)\n",
		(unsigned long long)tally.plain, (unsigned long long)tally.plain_opened, plain,
		OPEN_SHARE_MIN);
	printf("bystanders of an adversary  %llu, %llu opened\n", (unsigned long long)tally.hostile,
		(unsigned long long)tally.healthy_opened);
	printf("proofs by EAP-TLS           %llu\n", (unsigned long long)tally.tls);
	printf("proved again                %llu times; %llu passwords changed\n",
		(unsigned long long)tally.again, (unsigned long long)tally.changes);
	printf("ends with IPv6              %llu, with a prefix %llu\n",
		(unsigned long long)tally.ipv6, (unsigned long long)tally.delegated);
	printf("IPv6 packets arrived        %llu\n", (unsigned long long)tally.data6_received);
	printf("bundles, links that joined %llu, %llu\n", (unsigned long long)tally.bundles,
		(unsigned long long)tally.joined);
	printf("looks at a full window      %llu\n", (unsigned long long)tally.windows);
	printf("ends that compress          %llu MPPC, %llu Deflate, %llu BSD-Compress, %llu "
	       "Predictor-1\n",
		(unsigned long long)tally.codecs[CODEC_MPPC],
		(unsigned long long)tally.codecs[CODEC_DEFLATE],
		(unsigned long long)tally.codecs[CODEC_BSD],
		(unsigned long long)tally.codecs[CODEC_PREDICTOR1]);
	printf("inner packets               %llu sent, %llu received, %llu out of order\n",
		(unsigned long long)tally.data_sent, (unsigned long long)tally.data_received,
		(unsigned long long)tally.data_late);
	printf("compressed TCP headers      %llu\n", (unsigned long long)tally.headers);
	printf("largest outbox              %u items, %u bytes\n", tally.most_items,
		tally.most_bytes);
	print_closes();
	bool drops = check_drops(complete), cells = check_cells(complete);
	bool opened = !tally.plain || plain >= OPEN_SHARE_MIN;
	if (!drops)
		printf("FAILED: a drop reason was never reached\n");
	if (!cells)
		printf("FAILED: a cell of the automaton was never reached\n");
	if (!opened)
		printf("FAILED: too few seeds opened\n");
	if (tally.failed)
		printf("FAILED: %llu seeds\n", (unsigned long long)tally.failed);
	return drops && cells && opened && !tally.failed;
}
