#include "automaton.h"
void automaton_run(void)
{
}
