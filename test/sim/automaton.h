/* The cells of the automaton that two endpoints never bring each other to, driven by hand through
 * the calls of a link. */
#ifndef GREYLINE_AUTOMATON_H
#define GREYLINE_AUTOMATON_H

#include "fsm.h"

/* Marks the cells it exercised and fails where one does not lead to the state it should. */
void automaton_run(uint8_t cells[FSM_EVENTS][FSM_STATES]);

#endif
