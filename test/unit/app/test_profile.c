/* Configurations that are shared: equal ones are one, and each lives as long as it is used. */
#include "expect.h"

#include <string.h>

#include "profile.h"

static struct tunnel_config config_of(uint16_t mtu)
{
	struct tunnel_config config;
	memset(&config, 0, sizeof config);
	config.session.mtu = mtu;
	return config;
}

static void equal_ones_are_shared(void **state)
{
	struct profile *profiles = NULL;
	struct tunnel_config large = config_of(1400), small = config_of(1200);
	const struct tunnel_config *a = profile_take(&profiles, &large);
	const struct tunnel_config *b = profile_take(&profiles, &small);
	assert_ptr_not_equal(a, b);
	assert_ptr_equal(profile_take(&profiles, &large), a);
	assert_ptr_equal(profile_take(&profiles, &small), b);
	assert_int_equal(a->session.mtu, 1400);
	assert_int_equal(b->session.mtu, 1200);
	for (int i = 0; i < 2; i++) {
		profile_return(&profiles, a);
		profile_return(&profiles, b);
	}
	assert_null(profiles);
}

static void one_in_use_stays(void **state)
{
	struct profile *profiles = NULL;
	struct tunnel_config config = config_of(1400);
	const struct tunnel_config *a = profile_take(&profiles, &config);
	assert_ptr_equal(profile_take(&profiles, &config), a);
	profile_return(&profiles, a);
	assert_non_null(profiles);
	assert_int_equal(a->session.mtu, 1400);
	profile_return(&profiles, NULL);
	profile_return(&profiles, a);
	assert_null(profiles);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_ones_are_shared),
		cmocka_unit_test(one_in_use_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
