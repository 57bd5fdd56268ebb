/* Anonymous private pages without reservation: a limit may be generous, for what is never touched
 * is never there. */
#include <sys/mman.h>

#include "memory.h"

void *memory_map(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return at == MAP_FAILED ? NULL : at;
}

void memory_unmap(void *at, size_t size)
{
	if (at)
		munmap(at, size);
}
