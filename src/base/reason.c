/* Words for drops and closes (see reason.h). */
#include "reason.h"

#include <assert.h>

static const struct {
	const char *word, *sentence;
	enum drop_room room;
} drops[DROP_COUNT] = {
#define X(room, id, word, sentence) [DROP_##id] = {word, sentence, ROOM_##room},
	DROP_LIST(X)
#undef X
};

static const struct {
	const char *word, *sentence;
	int exit_code;
} closes[CLOSE_COUNT] = {
#define X(id, code, word, sentence) [CLOSE_##id] = {word, sentence, code},
	CLOSE_LIST(X)
#undef X
};

const char *drop_word(enum drop drop)
{
	assert(drop < DROP_COUNT);
	return drops[drop].word;
}

const char *drop_sentence(enum drop drop)
{
	assert(drop < DROP_COUNT);
	return drops[drop].sentence;
}

enum drop_room drop_room(enum drop drop)
{
	assert(drop < DROP_COUNT);
	return drops[drop].room;
}

const char *close_word(enum close_reason reason)
{
	assert(reason < CLOSE_COUNT);
	return closes[reason].word;
}

const char *close_sentence(enum close_reason reason)
{
	assert(reason < CLOSE_COUNT);
	return closes[reason].sentence;
}

int close_exit_code(enum close_reason reason)
{
	assert(reason < CLOSE_COUNT);
	return closes[reason].exit_code;
}
