/* The session table (see seats.h). */
#include "seats.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"

int seats_init(struct seats *seats, uint32_t limit)
{
	assert(limit <= SUBJECT_INDEX_MAX);
	*seats = (struct seats){.limit = limit};
	seats->block_max = (limit + SEATS_PER_BLOCK - 1) / SEATS_PER_BLOCK;
	seats->blocks = calloc(seats->block_max, sizeof *seats->blocks);
	return seats->blocks ? 0 : -ENOMEM;
}

static void free_parts(struct seat *seat)
{
	free(seat->multilink);
	free(seat->user);
	free(seat->claimed);
	free(seat->session.ecp);
}

void seats_free(struct seats *seats)
{
	for (uint32_t i = 0; i < seats->block_count; i++) {
		for (uint32_t j = 0; j < SEATS_PER_BLOCK; j++)
			free_parts(&seats->blocks[i][j]);
		secret_wipe(seats->blocks[i], SEATS_PER_BLOCK * sizeof(struct seat));
		free(seats->blocks[i]);
	}
	free(seats->blocks);
	*seats = (struct seats){0};
}

static void append_free(struct seats *seats, struct seat *seat)
{
	seat->next_free = NULL;
	if (seats->free_last)
		seats->free_last->next_free = seat;
	else
		seats->free_first = seat;
	seats->free_last = seat;
}

static void add_block(struct seats *seats)
{
	if (seats->block_count == seats->block_max)
		return;
	struct seat *block = calloc(SEATS_PER_BLOCK, sizeof *block);
	if (!block)
		return;
	uint32_t first = seats->block_count * SEATS_PER_BLOCK;
	seats->blocks[seats->block_count++] = block;
	for (uint32_t i = 0; i < SEATS_PER_BLOCK && first + i < seats->limit; i++) {
		block[i].index = first + i;
		block[i].generation = 1;
		append_free(seats, &block[i]);
	}
}

struct seat *seats_take(struct seats *seats)
{
	if (!seats->free_first)
		add_block(seats);
	struct seat *seat = seats->free_first;
	if (!seat)
		return NULL;
	seats->free_first = seat->next_free;
	if (!seats->free_first)
		seats->free_last = NULL;
	seat->next_free = NULL;
	seat->taken = true;
	seats->taken++;
	return seat;
}

void seats_release(struct seats *seats, struct seat *seat)
{
	assert(seat->taken);
	uint32_t index = seat->index;
	uint16_t generation = (uint16_t)subject_next_generation(seat->generation);
	free_parts(seat);
	secret_wipe(seat, sizeof *seat);
	seat->index = index;
	seat->generation = generation;
	seats->taken--;
	append_free(seats, seat);
}

struct seat *seats_find(const struct seats *seats, uint32_t subject)
{
	uint32_t index = subject_index(subject);
	if (index / SEATS_PER_BLOCK >= seats->block_count)
		return NULL;
	struct seat *seat = &seats->blocks[index / SEATS_PER_BLOCK][index % SEATS_PER_BLOCK];
	bool same = seat->taken && seat->generation == subject_generation(subject);
	return same ? seat : NULL;
}

struct seat *seats_next(const struct seats *seats, uint32_t *at)
{
	while (*at < seats->block_count * SEATS_PER_BLOCK) {
		uint32_t index = (*at)++;
		struct seat *seat =
			&seats->blocks[index / SEATS_PER_BLOCK][index % SEATS_PER_BLOCK];
		if (seat->taken)
			return seat;
	}
	return NULL;
}
