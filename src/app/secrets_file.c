/* Secrets in files: reading, noticing that they changed, reading again (see secrets.h). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "secrets.h"
#include "slurp.h"
#include "words.h"

enum { SECRETS_FILE_MAX = 64 << 20 };

static void remember_other(struct secrets *secrets, const char *path, const struct stat *seen)
{
	struct secrets_other *list =
		realloc(secrets->others, (secrets->other_count + 1) * sizeof *list);
	if (!list)
		return;
	secrets->others = list;
	char *copy = strdup(path);
	if (copy)
		secrets->others[secrets->other_count++] = (struct secrets_other){copy, *seen};
}

static void warn_of_readers(const char *path, const struct stat *seen, struct faults *faults)
{
	struct place whole = {.file = path};
	if (seen->st_mode & 077)
		fault_warning(
			faults, &whole, "others can read these passwords: chmod 600 %s", path);
}

/* @/path: the secret is the first word of that file. */
bool secret_from_file(struct secrets *secrets, struct secret *secret, const struct word *word,
	struct faults *faults)
{
	const char *path = word->bytes + 1;
	struct stat seen;
	struct word first;
	char *bytes;
	size_t length;
	char shown[48];
	int error = slurp(path, SECRETS_FILE_MAX, &bytes, &length, &seen);
	if (error) {
		fault(faults, &word->at, "%s: %s", fault_word(shown, path, strlen(path)),
			strerror(-error));
		return false;
	}
	remember_other(secrets, path, &seen);
	warn_of_readers(path, &seen, faults);
	struct words words = words_over(path, bytes, length, faults);
	bool good = words_next(&words, &first);
	if (!good)
		fault(faults, &word->at, "%s: no secret in this file",
			fault_word(shown, path, strlen(path)));
	good = good && !first.bad &&
	       secret_store(secret, first.bytes, first.length, &word->at, faults);
	slurp_free(bytes, length);
	secret_wipe(&first, sizeof first);
	return good;
}

int secrets_read(struct secrets *secrets, const char *path, struct faults *faults)
{
	char *bytes;
	size_t length;
	int error = slurp(path, SECRETS_FILE_MAX, &bytes, &length, &secrets->seen);
	if (error)
		return error;
	secrets->path = strdup(path);
	warn_of_readers(path, &secrets->seen, faults);
	if (secrets->path)
		secrets_parse(secrets, secrets->path, bytes, length, true, faults);
	slurp_free(bytes, length);
	return secrets->path ? 0 : -ENOMEM;
}

static bool differs(const char *path, const struct stat *seen)
{
	struct stat now;
	if (stat(path, &now) < 0)
		return false; /* between an editor's unlink and its rename: look again later */
	return now.st_ino != seen->st_ino || now.st_dev != seen->st_dev ||
	       now.st_size != seen->st_size || now.st_mtim.tv_sec != seen->st_mtim.tv_sec ||
	       now.st_mtim.tv_nsec != seen->st_mtim.tv_nsec;
}

bool secrets_changed(struct secrets *secrets, uint64_t now)
{
	if (!secrets->path || (secrets->checked && now - secrets->checked < SECONDS(1)))
		return false;
	secrets->checked = now;
	if (differs(secrets->path, &secrets->seen))
		return true;
	for (size_t i = 0; i < secrets->other_count; i++)
		if (differs(secrets->others[i].path, &secrets->others[i].seen))
			return true;
	return false;
}

int secrets_reload(struct secrets *secrets, struct faults *faults)
{
	struct secrets fresh;
	unsigned before = faults->count;
	secrets_init(&fresh);
	if (!secrets->path)
		return 0;
	int error = secrets_read(&fresh, secrets->path, faults);
	if (!error && faults->count != before)
		error = -EINVAL;
	fresh.checked = secrets->checked;
	if (error) {
		secrets->seen = fresh.path ? fresh.seen : secrets->seen; /* tell it once */
		secrets_free(&fresh);
		return error;
	}
	secrets_free(secrets);
	*secrets = fresh;
	return 0;
}
