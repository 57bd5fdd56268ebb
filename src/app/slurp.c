/* Reading a whole small file (see slurp.h). */
#include "slurp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "digest.h"

static int read_all(int fd, size_t max, char **bytes, size_t *length)
{
	size_t size = 4096, used = 0;
	char *buffer = malloc(size + 1);
	while (buffer) {
		ssize_t got = read(fd, buffer + used, size - used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			int error = -errno;
			slurp_free(buffer, used);
			return error;
		}
		used += (size_t)got;
		if (got == 0) {
			buffer[used] = '\0';
			*bytes = buffer;
			*length = used;
			return 0;
		}
		if (used > max) {
			slurp_free(buffer, used);
			return -EFBIG;
		}
		if (used == size) {
			char *larger = malloc(2 * size + 1);
			if (larger)
				for (size_t i = 0; i < used; i++)
					larger[i] = buffer[i];
			slurp_free(buffer, used);
			buffer = larger;
			size *= 2;
		}
	}
	return -ENOMEM;
}

int slurp(const char *path, size_t max, char **bytes, size_t *length, struct stat *status)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	struct stat seen;
	int error = fstat(fd, &seen) < 0 ? -errno : S_ISDIR(seen.st_mode) ? -EISDIR : 0;
	if (!error)
		error = read_all(fd, max, bytes, length);
	close(fd);
	if (status)
		*status = seen;
	return error;
}

void slurp_free(char *bytes, size_t length)
{
	if (bytes)
		secret_wipe(bytes, length);
	free(bytes);
}
