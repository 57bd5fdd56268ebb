/* sim: whole endpoints against each other under a virtual clock.
 *
 *     sim [--seeds N] [--from S]     seeds S to S + N - 1, after those that once failed
 *     sim --seed S [--verbose]       one seed, and the story of it
 *     --keep-going                   counts failing seeds instead of ending with the first
 *
 * GREYLINE_SIM_SEEDS in the environment overrides N. A run of FULL seeds or more must also have
 * reached every cell of the automaton and every reason to drop. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "automaton.h"
#include "check.h"
#include "world.h"

enum { SEEDS_DEFAULT = 20000, FULL = 10000 };

static struct world world;

static void run(uint64_t seed, bool keep_going)
{
	static jmp_buf resume;
	check_begin(seed, keep_going ? &resume : NULL);
	if (!setjmp(resume))
		world_run(&world, seed);
	else
		side_reset();
}

struct options {
	uint64_t seeds, from, seed;
	bool single, verbose, keep_going;
};

static uint64_t number(const char *word, const char *option)
{
	char *end;
	uint64_t value = strtoull(word ? word : "", &end, 10);
	if (!word || end == word || *end) {
		fprintf(stderr, "sim: %s needs a number\n", option);
		exit(2);
	}
	return value;
}

static struct options read_options(int argc, char **argv)
{
	struct options o = {.seeds = SEEDS_DEFAULT, .from = 1};
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--seeds")) {
			o.seeds = number(argv[i + 1], argv[i]);
			i++;
		} else if (!strcmp(argv[i], "--from")) {
			o.from = number(argv[i + 1], argv[i]);
			i++;
		} else if (!strcmp(argv[i], "--seed")) {
			o.seed = number(argv[i + 1], argv[i]);
			o.single = true;
			i++;
		} else if (!strcmp(argv[i], "--keep-going")) {
			o.keep_going = true;
		} else if (!strcmp(argv[i], "--verbose")) {
			o.verbose = true;
		} else {
			fprintf(stderr, "sim [--seeds N] [--from S] [--keep-going] [--seed S "
					"[--verbose]]\n");
			exit(2);
		}
	}
	const char *environment = getenv("GREYLINE_SIM_SEEDS");
	if (environment)
		o.seeds = number(environment, "GREYLINE_SIM_SEEDS");
	return o;
}

/* Seeds that once failed stay for good, one a line; '#' begins a comment. */
static void run_kept_seeds(const char *path, bool keep_going)
{
	FILE *file = fopen(path, "r");
	if (!file) {
		perror(path);
		exit(2);
	}
	char line[200];
	int count = 0;
	while (fgets(line, sizeof line, file)) {
		char *end;
		uint64_t seed = strtoull(line, &end, 10);
		if (end == line)
			continue;
		run(seed, keep_going);
		count++;
	}
	fclose(file);
	printf("seeds that once failed      %d\n", count);
}

int main(int argc, char **argv)
{
	struct options options = read_options(argc, argv);
	if (options.single) {
		world.verbose = options.verbose;
		run(options.seed, false);
		return 0;
	}
	run_kept_seeds(SEEDS_FILE, options.keep_going);
	automaton_run(tally.by_hand);
	for (uint64_t i = 0; i < options.seeds; i++)
		run(options.from + i, options.keep_going);
	return check_summary(options.seeds >= FULL) ? 0 : 1;
}
