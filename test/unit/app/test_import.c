/* greyline import: what becomes of each line, and that our own reader takes the result. */
#include "expect.h"

#include <stdlib.h>
#include <string.h>

#include "import.h"

typedef void reader(struct import *import, const char *file, const char *bytes, size_t length);

static struct faults told;
static char warned[8192];

static void on_warning(void *context, const char *line)
{
	size_t used = strlen(warned);
	snprintf(warned + used, sizeof warned - used, "%s\n", line);
}

/* What is printed for `text`, to free. The reader of our own files has nothing against it. */
static char *imported(reader *read, uint8_t role, const char *text)
{
	struct import import;
	char *printed = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&printed, &size);
	warned[0] = '\0';
	told = (struct faults){.report = on_warning};
	assert_true(import_begin(&import, role, &told));
	import.alone = true;
	read(&import, "x", text, strlen(text));
	import_print(&import, "it", "x", to);
	import_end(&import);
	fclose(to);

	struct settings settings;
	struct faults faults = {.report = fault_to_stderr};
	settings_init(&settings);
	settings_parse(&settings, "printed", printed, size, &faults);
	assert_int_equal(faults.count, 0);
	settings_free(&settings);
	return printed;
}

static void expect(const char *printed, const char *part)
{
	if (!strstr(printed, part))
		fail_msg("'%s' is missing in:\n%s", part, printed);
}

static void expect_not(const char *printed, const char *part)
{
	if (strstr(printed, part))
		fail_msg("'%s' stands in:\n%s", part, printed);
}

static char *pptpd(const char *text)
{
	return imported(import_pptpd, SECTION_SERVER, text);
}

static char *accel(const char *text)
{
	return imported(import_accel, SECTION_SERVER, text);
}

static char *peer(const char *text)
{
	return imported(import_peer, SECTION_CLIENT, text);
}

static void addresses_of_pptpd(void **state)
{
	char *printed = pptpd("localip 10.0.0.1\nremoteip 10.0.0.9,10.0.0.20-30,10.0.1-2.7\n");
	expect(printed, "[server]\nlocal = 10.0.0.1\npool = 10.0.0.9\npool = 10.0.0.20-30\n"
			"pool = 10.0.1.7\npool = 10.0.2.7\n");
	expect(printed, "max-sessions = 100\n");
	expect(printed, "interface = per-session\n");
	assert_int_equal(told.count, 0);
	free(printed);

	printed = pptpd("localip 10.0.0.1-9\nremoteip 10.0.1.1-300\n");
	expect(printed, "# x:1: localip 10.0.0.1-9\n#     there is one address of our own");
	expect(printed, "\nlocal = 10.0.0.1\n");
	expect(printed, "# x:2: remoteip 10.0.1.1-300\n#     ");
	expect(warned, "x:2:1: warning: 'remoteip 10.0.1.1-300': ");
	free(printed);
}

static void defaults_of_pptpd(void **state)
{
	char *printed = pptpd("# nothing\n\n");
	expect(printed, "local = 192.168.0.1\n");
	expect(printed, "pool = 192.168.1.1-100\n");
	expect_not(printed, "there is one address");
	free(printed);

	printed = pptpd("delegate\nlocalip 10.0.0.1\nremoteip 10.0.0.2");
	expect_not(printed, "pool =");
	expect_not(printed, "local =");
	expect(printed, "# x:2: localip 10.0.0.1\n# x:3: remoteip 10.0.0.2\n#     pptpd ignores it "
			"with delegate\n");
	free(printed);
}

static void words_of_pptpd(void **state)
{
	char *printed = pptpd("debug\nlisten 192.0.2.1\nstimeout 20\nconnections 7\nspeed 9\n"
			      "bcrelay eth1\nlogwtmp\nnoipparam\nppp /usr/sbin/pppd\nvrf red\n"
			      "  listen 192.0.2.2\nlisten 192.0.2.3\nfoo bar\nlistenx 1\n"
			      "pidfile /run/x\nhttp-proxy a\n");
	expect(printed, "[greyline]\ndebug\n");
	expect(printed, "listen = 192.0.2.1\ncontrol-timeout = 20\nmax-sessions = 7\n");
	expect(printed, "# x:6: bcrelay eth1\n#     broadcasts");
	expect(printed, "# x:11:   listen 192.0.2.2\n#     pptpd skips");
	expect(printed, "# x:12: listen 192.0.2.3\n#     repeated");
	expect(printed, "# x:13: foo bar\n# x:14: listenx 1\n#     pptpd has no such keyword\n");
	expect(warned, "x:7:1: warning: 'logwtmp': ");
	expect(warned, "x:10:1: warning: 'vrf red': ");
	expect_not(warned, "speed");
	expect_not(printed, "max-sessions = 100");
	free(printed);

	printed = pptpd("connections none\nlisten vpn.example.com\nstimeout 0\n");
	expect(printed, "max-sessions = 100\n");
	expect(printed, "# x:2: listen vpn.example.com\n#     an address");
	expect(printed, "# x:3: stimeout 0\n#     a number from 1");
	free(printed);
}

static void long_lines_of_pptpd(void **state)
{
	char text[1200];
	memset(text, 'a', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	free(pptpd(text));
	expect(warned, "x:1:0: warning: longer than");
}

static void logins_of_accel(void **state)
{
	char *printed = accel("[modules]\nauth_mschap_v1\nauth_mschap_v2\nauth_pap\npptp\nsstp\n"
			      "chap-secrets\nfoo\n[chap-secrets]\nchap-secrets=/etc/s\n"
			      "encrypted=1\ngw-ip-address=10.0.0.1/32\nusername-hash=md5\n");
	expect(printed, "require-mschap\nrequire-mschap-v2\nrequire-pap\n");
	expect(printed, "auth-order = mschap,mschap-v2,pap\n");
	expect(printed, "secrets = /etc/s\n");
	expect(printed, "local = 10.0.0.1\n");
	expect(printed, "# x:6: sstp\n#     greyline serves PPTP alone\n");
	expect(printed, "# x:8: foo\n");
	expect(printed, "# x:11: encrypted=1\n");
	expect(printed, "no-scripts\n");
	expect(printed, "allow-clear-text\n");
	free(printed);

	printed = accel("[modules]\npppd_compat\nradius\n[radius]\nserver=10.0.0.9,pw\n"
			"gw-ip-address=10.0.0.3\n[pppd-compat]\nip-up=/opt/s/ip-up\n"
			"ip-down=/opt/t/ip-down\nip-pre-up=/opt/s/other\nip-change=/x\n"
			"[auth]\nnoauth=1\nany-login=0\n");
	expect(printed, "scripts-dir = /opt/s\n");
	expect(printed,
		"# x:9: ip-down=/opt/t/ip-down\n#     all scripts lie in one folder: /opt/s\n");
	expect(printed, "# x:10: ip-pre-up=/opt/s/other\n#     a script is called ip-pre-up");
	expect(printed, "secrets = /etc/ppp/chap-secrets\n");
	expect(printed, "local = 10.0.0.3\n");
	expect(printed, "# x:13: noauth=1\n#     nobody comes in");
	expect_not(printed, "no-scripts");
	free(printed);
}

static void numbers_of_accel(void **state)
{
	char *printed = accel("[core]\nthread-count=2\nlog-error=/x\n[common]\nmax-sessions=0\n"
			      "session-timeout=60\nsingle-session=replace\nmax-starting=9\n"
			      "[ppp]\nmtu=1400\nmru=1380\nmppe=prefer\nccp=0\naccomp=deny\n"
			      "pcomp=allow\nlcp-echo-interval=20\nlcp-echo-failure=3\n"
			      "lcp-echo-timeout=70\nipv4=deny\nipv6=allow\nmtu=1300\n"
			      "ipv6-intf-id=0:0:0:1\nipv6-peer-intf-id=calling-sid\n"
			      "[pptp]\nbind=192.0.2.1\nport=1724\nmppe=require\necho-interval=30\n"
			      "echo-failure=3\nppp-max-mtu=1436\nifname=pptp%d\n");
	expect(printed, "workers = 2\n");
	expect(printed, "# x:5: max-sessions=0\n#     0 is no limit");
	expect(printed, "maxconnect = 60\nsingle-session = replace\nmax-half-open = 9\n");
	expect(printed, "mtu = 1400\nmru = 1380\n");
	expect(printed, "# x:12: mppe=prefer\n#     [pptp] says another\n");
	expect(printed, "require-mppe-128\n");
	expect(printed, "no-ccp\n");
	expect(printed, "lcp-echo-interval = 20\n");
	expect(printed, "lcp-echo-failure = 4\n");
	expect(printed, "# x:19: ipv4=deny\n");
	expect(printed, "# x:21: mtu=1300\n#     repeated");
	expect(printed, "ipv6-id = ::0:0:0:1\n");
	expect(printed, "listen = 192.0.2.1:1724\n");
	expect(printed, "control-echo-interval = 30\ncontrol-echo-timeout = 90\n");
	expect(printed, "# x:31: ifname=pptp%d\n");
	expect_not(printed, "allow-clear-text");
	free(printed);

	printed = accel("[ppp]\nipv6=deny\nmppe=deny\nlcp-echo-timeout=9\nlcp-echo-failure=2\n"
			"ccp=1\nmtu=1450\n[pptp]\nport=1999\nppp-max-mtu=1400\necho-failure=2\n");
	expect(printed, "no-ipv6\nno-mppe\n");
	expect(printed, "mtu = 1400\n");
	expect(printed, "port = 1999\n");
	free(printed);

	printed = accel("[ppp]\nmppe=perhaps\nipv6-intf-id=random\n");
	expect(printed, "# x:2: mppe=perhaps\n#     require, prefer, allow or deny");
	free(printed);
}

static void pools_of_accel(void **state)
{
	char *printed =
		accel("[modules]\nippool\nipv6pool\nipv6_dhcp\n[pptp]\nip-pool=two\n[ip-pool]\n"
		      "gw-ip-address=10.0.0.1\n10.0.1.2-255\n10.0.2.2-255,name=two,next=three\n"
		      "10.0.3.0/24,pool=two\nshuffle=1\n10.0.4.9,name=two,allocator=net30\n"
		      "[ipv6-pool]\nfc00:1::/48,64\nfc00:2::/48,64\nfc00:3::/48,56\n"
		      "delegate=fc00:4::/36,48\ndelegate=fc00:5::/36,48,name=x\n"
		      "[dns]\ndns1=10.9.9.1\ndns2=10.9.9.2\n[wins]\nwins1=10.9.9.3\n[ipv6-dns]\n"
		      "fc00::53\ndns=fc00::54\ndnssl=a.example.\n[ipv6-dhcp]\nvalid-lifetime=600\n"
		      "[client-ip-range]\n10.0.0.0/8\n0.0.0.0/0\n");
	expect(printed, "local = 10.0.0.1\n");
	expect(printed, "pool = 10.0.2.2-255\npool = 10.0.3.0/24\n");
	expect(printed, "# x:9: 10.0.1.2-255\n");
	expect(printed, "pool6 = fc00:1::/48\n");
	expect(printed, "# x:16: fc00:2::/48,64\n");
	expect(printed, "# x:17: fc00:3::/48,56\n");
	expect(printed, "pool6-pd = fc00:4::/36\npool6-pd-length = 48\n");
	expect(printed, "# x:19: delegate=fc00:5::/36,48,name=x\n");
	expect(printed, "dns = 10.9.9.1\ndns = 10.9.9.2\nms-wins = 10.9.9.3\ndns6 = fc00::53\n");
	expect(printed, "search-domain = a.example\npool6-pd-lifetime = 600\n");
	expect(warned, "x:32:1: warning: '10.0.0.0/8': ");
	expect_not(warned, "0.0.0.0/0");
	free(printed);
}

static void grammar_of_accel(void **state)
{
	char *printed =
		accel("a=1\n[ppp]\n  mru = 1390 \n mtu=${mru}\nlcp-echo-interval=${no}\n"
		      "[pptp\n[x]\ny = z {\n inner=1\n}\nouter=2\n# c\n$include /nowhere\n");
	expect(printed, "mru = 1390\nmtu = 1390\n");
	expect(printed, "# x:8: y = z {\n");
	expect(printed, "# x:9: inner=1\n#     options inside");
	expect(printed, "# x:11: outer=2\n");
	expect(warned, "x:1:1: no section is open here");
	expect(warned, "x:5:1: ${...}");
	expect(warned, "x:6:1: ']' is missing");
	assert_int_equal(told.count, 3);
	free(printed);
}

static void peers_with_pty(void **state)
{
	char *printed = peer("pty \"/usr/sbin/pptp vpn.example.com --nolaunchpppd --localbind "
			     "10.0.0.7 --rtmark 3 --nobuffer --what --idle-wait 20\"\n"
			     "name 'EXAMPLE\\\\joe'\nrequire-mppe-128\nrefuse-pap refuse-chap\n"
			     "noauth\nnodetach\nfrobnicate now\nmru 10\npersist\nmaxfail 0\n"
			     "password \"a #b\"\n10.1.2.3:10.1.2.4\nplugin other.so\n"
			     "require-mschap-v2\n");
	expect(printed, "[client]\nserver = vpn.example.com\nbind = 10.0.0.7\n");
	expect(printed, "# x:1: pptp --rtmark 3\n");
	expect(printed, "# x:1: pptp --what\n#     pptp has no such option\n");
	expect(printed, "control-echo-interval = 20\n");
	expect(printed, "name = \"EXAMPLE\\\\joe\"\n");
	expect(printed, "require-mppe-128\nrefuse-pap\nrefuse-chap\n");
	expect(printed, "# x:7: frobnicate now\n#     pppd has no such option\n");
	expect(printed, "# x:8: mru 10\n#     a number from");
	expect(printed, "persist\nmaxfail = 0\npassword = \"a #b\"\n");
	expect(printed, "local = 10.1.2.3\nremote = 10.1.2.4\n");
	expect(printed, "# x:13: plugin other.so\n");
	expect(printed, "peer-auth = mschap-v2\n");
	expect(printed, "allow-mschap\n");
	expect_not(printed, "allow-pap");
	expect_not(printed, "allow-clear-text");
	expect_not(printed, "secrets =");
	free(printed);
}

static void peers_with_a_plugin(void **state)
{
	char *printed = peer("plugin pptp.so\npptp_server vpn.example.com\npptp_client 10.0.0.7\n"
			     "user joe\nfile more\n");
	expect(printed, "server = vpn.example.com\nbind = 10.0.0.7\nuser = joe\n");
	expect(printed, "allow-mschap\nallow-chap\nallow-pap\n");
	expect(printed, "allow-clear-text\n");
	expect(printed, "secrets = /etc/ppp/chap-secrets\n");
	expect_not(warned, "no PPTP server");
	free(printed);
}

static void peers_of_another_kind(void **state)
{
	char *printed = peer("pty 'ssh host pppd'\nuser\n");
	expect(printed, "# x:1: pty ssh host pppd\n");
	expect(printed, "# x:2: user\n#     its argument is missing\n");
	expect(printed, "# No PPTP server is named");
	expect(warned, "x: warning: no PPTP server is named");
	free(printed);

	free(peer("user \"joe\n"));
	assert_true(told.warnings > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_of_pptpd),
		cmocka_unit_test(defaults_of_pptpd),
		cmocka_unit_test(words_of_pptpd),
		cmocka_unit_test(long_lines_of_pptpd),
		cmocka_unit_test(logins_of_accel),
		cmocka_unit_test(numbers_of_accel),
		cmocka_unit_test(pools_of_accel),
		cmocka_unit_test(grammar_of_accel),
		cmocka_unit_test(peers_with_pty),
		cmocka_unit_test(peers_with_a_plugin),
		cmocka_unit_test(peers_of_another_kind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
