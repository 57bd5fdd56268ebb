/* A program that its starter waits for until it is up, and that then goes on in the background. */
#ifndef GREYLINE_BACKGROUND_H
#define GREYLINE_BACKGROUND_H

/* Forks. The child is the leader of a session of its own, reads nothing, and what it writes to
 * standard error the parent passes on as long as it waits. The parent returns 0 once the child has
 * said that it is up (notify_send(NOTIFY_UP)), or else the exit code that `run` has given the
 * child; 1 when there is no child to wait for, with the reason printed. The child does not return.
 * Call it while the process has one thread. TERM, INT and HUP of the waiting parent go to the
 * child. */
int background_run(int (*run)(void *context), void *context);

/* Forks and does not wait: the parent returns 0 at once, and the child's output goes to
 * descriptor `output` (-1: nowhere), which stays open. */
int background_leave(int (*run)(void *context), void *context, int output);

#endif
