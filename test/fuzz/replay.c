/* Runs a fuzz entry over every file of the folders given, so that the corpus is an ordinary test.
 * An empty or missing folder is a failure: a test that reads nothing asserts nothing. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static int replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	if (!file) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	static uint8_t buffer[1 << 20];
	size_t length = fread(buffer, 1, sizeof buffer, file);
	fclose(file);
	uint8_t *exact = malloc(length ? length : 1); /* so that a read past the end is seen */
	if (!exact)
		return -1;
	memcpy(exact, buffer, length);
	LLVMFuzzerTestOneInput(exact, length);
	free(exact);
	return 0;
}

static int replay_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	if (!dir) {
		fprintf(stderr, "%s: %s\n", folder, strerror(errno));
		return -1;
	}
	int files = 0;
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (entry->d_name[0] == '.')
			continue;
		char path[4096];
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		if (replay_file(path) < 0) {
			files = -1;
			break;
		}
		files++;
	}
	closedir(dir);
	return files;
}

int main(int argc, char **argv)
{
	int total = 0;
	for (int i = 1; i < argc; i++) {
		int files = replay_folder(argv[i]);
		if (files < 0)
			return 1;
		total += files;
	}
	printf("%d inputs replayed\n", total);
	return total ? 0 : 1;
}
