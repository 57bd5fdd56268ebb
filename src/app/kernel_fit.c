/* What the kernel lacks, option by option (see kernel_fit.h). */
#include "kernel_fit.h"

#include <stddef.h>

#include "session.h"
#include "unit.h"

/* A session that has come to it moves to the user plane. */
static const char *some_need(const struct settings *settings)
{
	if (settings_mppe(settings) & MPPE_ALLOW_56)
		return "MPPE of 56 bits: the kernel's has 40 and 128";
	if (settings->deflate || settings->bsdcomp || settings->predictor1 || settings->mppc)
		return "deflate, bsdcomp, predictor1, mppc: these are ours";
	return NULL;
}

const char *kernel_fit(const struct settings *settings, bool always)
{
	const struct {
		bool asked;
		const char *lack;
	} lacks[] = {
		{settings->interface == INTERFACE_SHARED,
			"interface = shared: the kernel's PPP has one for each session"},
		{settings->ecp_key_file, "ecp-key-file: the kernel's PPP has no ECP"},
		{settings_mppe(settings) == MPPE_ALLOW_56,
			"MPPE of 56 bits alone: the kernel's has 40 and 128"},
		{settings->gre_from_anywhere,
			"gre-from-anywhere: the kernel takes GRE from the control connection's "
			"address alone"},
		{settings->nat_fallback == NAT_FALLBACK_ON,
			"nat-fallback = on: the kernel has no Call ID 0"},
		{settings->send_window == SESSION_WINDOW_ON,
			"send-window = on: the kernel has none"},
		{settings->dscp || settings->dscp_copy || settings->ecn == SESSION_ECN_COPY,
			"dscp, dscp-copy, ecn = copy: outer packets of the kernel's have no mark"},
		{settings->ppp_program,
			"ppp-program: somebody else's PPP is not the kernel's plane"},
		{settings->pass_filter || settings->active_filter,
			"pass-filter, active-filter: these are ours"},
	};
	for (size_t i = 0; i < sizeof lacks / sizeof lacks[0]; i++)
		if (lacks[i].asked)
			return lacks[i].lack;
	return always ? NULL : some_need(settings);
}
