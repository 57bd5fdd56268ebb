/* The cells of the automaton that whole endpoints cannot be brought to, driven through the calls of
 * a link and a unit. */
#ifndef GREYLINE_AUTOMATON_H
#define GREYLINE_AUTOMATON_H

void automaton_run(void);

#endif
