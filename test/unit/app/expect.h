/* What the tests of this room share: faults collected into one text. */
#ifndef GREYLINE_TEST_EXPECT_H
#define GREYLINE_TEST_EXPECT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fault.h"

struct heard {
	char text[8192];
	struct faults faults;
};

static inline void heard_line(void *context, const char *line)
{
	struct heard *heard = context;
	size_t used = strlen(heard->text);
	assert_true(used + strlen(line) + 2 < sizeof heard->text);
	strcpy(heard->text + used, line);
	strcat(heard->text, "\n");
}

static inline struct faults *hear(struct heard *heard)
{
	*heard = (struct heard){.faults = {.report = heard_line, .context = heard}};
	return &heard->faults;
}

#endif
