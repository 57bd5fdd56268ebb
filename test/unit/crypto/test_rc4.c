/* RC4 against the key streams of RFC 6229, through the plain functions and through every engine. */
#include "hex.h"

#include <stdbool.h>
#include <string.h>

#include "mppe_engine.h"
#include "rc4.h"

/* RFC 6229 §2: 32 bytes of key stream at each of these offsets. */
enum { OFFSETS = 9, STREAM_MAX = 4112 };

static const size_t offsets[OFFSETS] = {0, 240, 496, 752, 1008, 1520, 2032, 3056, 4080};

static const struct {
	const char *key;
	const char *stream[OFFSETS];
} rfc6229[] = {
	{"0102030405", {"b2396305f03dc027ccc3524a0a1118a86982944f18fc82d589c403a47a0d0919",
			       "28cb1132c96ce286421dcaadb8b69eae1cfcf62b03eddb641d77dfcf7f8d8c93",
			       "42b7d0cdd918a8a33dd51781c81f40416459844432a7da923cfb3eb4980661f6",
			       "ec10327bde2beefd18f9277680457e22eb62638d4f0ba1fe9fca20e05bf8ff2b",
			       "45129048e6a0ed0b56b490338f078da530abbcc7c20b01609f23ee2d5f6bb7df",
			       "3294f744d8f9790507e70f62e5bbceead8729db41882259bee4f825325f5a130",
			       "1eb14a0c13b3bf47fa2a0ba93ad45b8bcc582f8ba9f265e2b1be9112e975d2d7",
			       "f2e30f9bd102ecbf75aaade9bc35c43cec0e11c479dc329dc8da7968fe965681",
			       "068326a2118416d21f9d04b2cd1ca050ff25b58995996707e51fbdf08b34d875"}},
	{"0102030405060708",
		{"97ab8a1bf0afb96132f2f67258da15a88263efdb45c4a18684ef87e6b19e5b09",
			"9636ebc9841926f4f7d1f362bddf6e18d0a990ff2c05fef5b90373c9ff4b870a",
			"73239f1db7f41d80b643c0c52518ec63163b319923a6bdb4527c626126703c0f",
			"49d6c8af0f97144a87df21d91472f96644173a103b6616c5d5ad1cee40c863d0",
			"273c9c4b27f322e4e716ef53a47de7a4c6d0e7b226259fa9023490b26167ad1d",
			"1fe8986713f07c3d9ae1c163ff8cf9d38369e1a965610be887fbd0c79162aafb",
			"0a0127abb44484b9fbef5abcae1b579fc2cdadc6402e8ee866e1f37bdb47e42c",
			"26b51ea37df8e1d6f76fc3b66a7429b3bc7683205d4f443dc1f29dda3315c87b",
			"d5fa5a3469d29aaaf83d23589db8c85b3fb46e2c8f0f068edce8cdcd7dfc5862"}},
	{"0102030405060708090a0b0c0d0e0f10",
		{"9ac7cc9a609d1ef7b2932899cde41b975248c4959014126a6e8a84f11d1a9e1c",
			"065902e4b620f6cc36c8589f66432f2bd39d566bc6bce3010768151549f3873f",
			"b6d1e6c4a5e4771cad79538df295fb11c68c1d5c559a974123df1dbc52a43b89",
			"c5ecf88de897fd57fed301701b82a259eccbe13de1fcc91c11a0b26c0bc8fa4d",
			"e7a72574f8782ae26aabcf9ebcd66065bdf0324e6083dcc6d3cedd3ca8c53c16",
			"b40110c4190b5622a96116b0017ed297ffa0b514647ec04f6306b892ae661181",
			"d03d1bc03cd33d70dff9fa5d71963ebd8a44126411eaa78bd51e8d87a8879bf5",
			"fabeb76028ade2d0e48722e46c4615a3c05d88abd50357f935a63c59ee537623",
			"ff38265c1642c1abe8d3c2fe5e572bf8a36a4c301ae8ac13610ccbc12256cacc"}},
	{"641910833222772a",
		{"bbf609de9413172d07660cb68071692646101a6dab43115d6c522b4fe93604a9",
			"cbe1fff21c96f3eef61e8fe0542cbdf0347938bffa4009c512cfb4034b0dd1a7",
			"7867a786d00a7147904d76ddf1e520e38d3e9e1caefcccb3fbf8d18f64120b32",
			"942337f8fd76f0fae8c52d7954810672b8548c10f51667f6e60e182fa19b30f7",
			"0211c7c6190c9efd1237c34c8f2e06c4bda64f65276d2aacb8f90212203a808e",
			"bd3820f732ffb53ec193e79d33e27c73d0168616861907d482e36cdac8cf5749",
			"97b0f0f224b2d2317114808fb03af7a0e59616e469787939a063ceea9af956d1",
			"c47e0dc1660919c11101208f9e69aa1f5ae4f12896b8379a2aad89b5b553d6b0",
			"6b6b098d0c293bc2993d80bf0518b6d98170cc3ccd92a698621b939dd38fe7b9"}},
	{"ebb46227c6cc8b37641910833222772a",
		{"720c94b63edf44e131d950ca211a5a30c366fdeacf9ca80436be7c358424d20b",
			"b3394a40aabf75cba42282ef25a0059f4847d81da4942dbc249defc48c922b9f",
			"08128c469f275342adda202b2b58da95970dacef40ad98723bac5d6955b81761",
			"3cb89993b07b0ced93de13d2a11013acef2d676f1545c2c13dc680a02f4adbfe",
			"b60595514f24bc9fe522a6cad7393644b515a8c5011754f59003058bdb81514e",
			"3c70047e8cbc038e3b9820db601da4951175da6ee756de46a53e2b075660b770",
			"00a542bba02111cc2c65b38ebdba587e5865fdbb5b48064104e830b380f2aede",
			"34b21ad2ad44e999db2d7f0863f0d9b684a9218fc36e8a5f2ccfbeae53a27d25",
			"a2221a11b833ccb498a59540f0545f4a5bbeb4787d59e5373fdbea6c6f75c29b"}},
	{"1ada31d5cf688221c109163908ebe51debb46227c6cc8b37641910833222772a",
		{"dd5bcb0018e922d494759d7c395d02d3c8446f8f77abf737685353eb89a1c9eb",
			"af3e30f9c095045938151575c3fb9098f8cb6274db99b80b1d2012a98ed48f0e",
			"25c3005a1cb85de076259839ab7198ab9dcbc183e8cb994b727b75be3180769c",
			"a1d3078dfa9169503ed9d4491dee4eb28514a5495858096f596e4bcd66b10665",
			"5f40d59ec1b03b33738efa60b2255d313477c7f764a41baceff90bf14f92b7cc",
			"ac4e95368d99b9eb78b8da8f81ffa7958c3c13f8c2388bb73f38576e65b7c446",
			"13c4b9c1dfb66579eddd8a280b9f7316ddd27820550126698efaadc64b64f66e",
			"f08f2e66d28ed143f3a237cf9de735599ea36c525531b880ba124334f57b0b70",
			"d5a39e3dfcc50280bac4a6b5aa0dca7d370b1c1fe655916d97fd0d47ca1d72b8"}},
};

enum { VECTORS = sizeof(rfc6229) / sizeof(rfc6229[0]) };

static void check_stream(const uint8_t *stream, size_t vector)
{
	for (size_t n = 0; n < OFFSETS; n++)
		assert_hex(stream + offsets[n], 32, rfc6229[vector].stream[n]);
}

static void plain_functions(void **state)
{
	static const uint8_t zeros[STREAM_MAX];
	uint8_t stream[STREAM_MAX], key[32];
	struct rc4 rc4;
	for (size_t v = 0; v < VECTORS; v++) {
		rc4_init(&rc4, key, hex_bytes(key, sizeof(key), rfc6229[v].key));
		rc4_crypt(&rc4, stream, zeros, sizeof(zeros));
		check_stream(stream, v);
	}
}

/* A stream may be taken in any portions. */
static void portions(void **state)
{
	uint8_t stream[STREAM_MAX], key[32];
	struct rc4 rc4;
	rc4_init(&rc4, key, hex_bytes(key, sizeof(key), rfc6229[2].key));
	memset(stream, 0, sizeof(stream));
	for (size_t at = 0, n = 0; at < sizeof(stream); at += n, n++) {
		size_t left = sizeof(stream) - at;
		rc4_crypt(&rc4, stream + at, stream + at, n < left ? n : left);
		if (n > left)
			break;
	}
	check_stream(stream, 2);
}

/* Streams of both key lengths in lock step, as many as will go, each a little shorter. */
static void every_engine(void **state)
{
	static uint8_t bytes[RC4_LANES][STREAM_MAX];
	const struct mppe_engine *engine;
	for (size_t e = 0; (engine = mppe_engine_at(e)); e++) {
		struct rc4 streams[RC4_LANES];
		struct rc4_lane lanes[RC4_LANES];
		uint8_t keys[RC4_LANES][RC4_KEY];
		size_t vector[RC4_LANES], count = 0;
		memset(bytes, 0, sizeof(bytes));
		for (size_t v = 0; v < VECTORS && count < RC4_LANES; v++) {
			uint8_t key[32];
			size_t length = hex_bytes(key, sizeof(key), rfc6229[v].key);
			if (length != 8 && length != 16)
				continue;
			memcpy(keys[count], key, length);
			memcpy(keys[count] + 16 - length, key, length);
			lanes[count] = (struct rc4_lane){.stream = &streams[count],
				.in = bytes[count],
				.out = bytes[count],
				.length = STREAM_MAX - count};
			vector[count++] = v;
		}
		assert_int_equal(count, RC4_LANES);
		engine->rc4->schedule(
			(struct rc4 *[]){&streams[0], &streams[1], &streams[2], &streams[3]},
			keys[0], RC4_LANES);
		rc4_together(engine->rc4, lanes, RC4_LANES);
		for (size_t n = 0; n < RC4_LANES; n++) {
			for (size_t o = 0; o < OFFSETS - 1; o++)
				assert_hex(bytes[n] + offsets[o], 32, rfc6229[vector[n]].stream[o]);
			for (size_t last = STREAM_MAX - n; last < STREAM_MAX; last++)
				assert_int_equal(bytes[n][last], 0);
		}
	}
}

/* A stream alone, in portions of any size. */
static void every_engine_alone(void **state)
{
	const struct mppe_engine *engine;
	for (size_t e = 0; (engine = mppe_engine_at(e)); e++) {
		uint8_t stream[STREAM_MAX], key[32];
		struct rc4 rc4, *streams[] = {&rc4};
		hex_bytes(key, sizeof(key), rfc6229[2].key);
		engine->rc4->schedule(streams, key, 1);
		memset(stream, 0, sizeof(stream));
		for (size_t at = 0, n = 0; at < sizeof(stream); at += n, n++) {
			size_t left = sizeof(stream) - at;
			struct rc4_lane lane = {.stream = &rc4,
				.in = stream + at,
				.out = stream + at,
				.length = n < left ? n : left};
			rc4_alone(engine->rc4, &lane);
			if (n > left)
				break;
		}
		check_stream(stream, 2);
	}
}

static void no_lanes(void **state)
{
	const struct mppe_engine *engine;
	for (size_t e = 0; (engine = mppe_engine_at(e)); e++)
		rc4_together(engine->rc4, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_functions),
		cmocka_unit_test(portions),
		cmocka_unit_test(every_engine),
		cmocka_unit_test(every_engine_alone),
		cmocka_unit_test(no_lanes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
