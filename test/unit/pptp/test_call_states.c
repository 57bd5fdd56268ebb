/* Calls: every state x every message that names the call, all cells (RFC 2637 §3.2). */
#include "endpoint.h"

#define STATE_ "drop:control-state"
#define CALL_  "drop:control-call"

enum column {
	PNS_NONE,
	PNS_WAIT_REPLY,
	PNS_CONNECTED,
	PNS_WAIT_DISCONNECT, /* cleared while connected */
	PNS_CLEARED_EARLY,   /* cleared before the reply: the peer's ID is unknown */
	PAC_NONE,
	PAC_WAIT_LOCAL,
	PAC_CONNECTED,
	IN_PNS_NONE, /* incoming calls: the PNS's side */
	IN_PNS_WAIT_LOCAL,
	IN_PNS_WAIT_CONNECT,
	IN_PNS_CONNECTED,
	IN_PNS_WAIT_DISCONNECT, /* cleared before Connected came */
	IN_PAC_WAIT_REPLY,      /* and the PAC's */
	IN_PAC_CONNECTED,
	COLUMNS,
};

static const struct {
	int role;
	enum call_state state;
	const char *word;
} columns[COLUMNS] = {
	[PNS_NONE] = {PNS, CALL_IDLE, "PNS, no call"},
	[PNS_WAIT_REPLY] = {PNS, CALL_WAIT_REPLY, "PNS, wait-reply"},
	[PNS_CONNECTED] = {PNS, CALL_CONNECTED, "PNS, connected"},
	[PNS_WAIT_DISCONNECT] = {PNS, CALL_WAIT_DISCONNECT, "PNS, wait-disconnect"},
	[PNS_CLEARED_EARLY] = {PNS, CALL_WAIT_DISCONNECT, "PNS, cleared early"},
	[PAC_NONE] = {PAC, CALL_IDLE, "PAC, no call"},
	[PAC_WAIT_LOCAL] = {PAC, CALL_WAIT_LOCAL, "PAC, wait-local"},
	[PAC_CONNECTED] = {PAC, CALL_CONNECTED, "PAC, connected"},
	[IN_PNS_NONE] = {TAKES, CALL_IDLE, "takes incoming, no call"},
	[IN_PNS_WAIT_LOCAL] = {TAKES, CALL_WAIT_LOCAL, "incoming PNS, wait-local"},
	[IN_PNS_WAIT_CONNECT] = {TAKES, CALL_WAIT_CONNECT, "incoming PNS, wait-connect"},
	[IN_PNS_CONNECTED] = {TAKES, CALL_CONNECTED, "incoming PNS, connected"},
	[IN_PNS_WAIT_DISCONNECT] = {TAKES, CALL_WAIT_DISCONNECT, "incoming PNS, wait-disconnect"},
	[IN_PAC_WAIT_REPLY] = {RINGS, CALL_WAIT_REPLY, "incoming PAC, wait-reply"},
	[IN_PAC_CONNECTED] = {RINGS, CALL_CONNECTED, "incoming PAC, connected"},
};

enum row {
	OCRQ,
	OCRP,
	OCRP_REFUSED,
	ICRQ,
	ICRP,
	ICRP_REFUSED,
	ICCN,
	CCRQ,
	CDN,
	CDN_OUR_ID, /* names our Call ID, as accel-ppp does */
	WEN,
	SLI,
	ROWS,
};

static const char *const row_words[ROWS] = {"OCRQ", "OCRP", "OCRP refused", "ICRQ", "ICRP",
	"ICRP refused", "ICCN", "CCRQ", "CDN", "CDN with our ID", "WEN", "SLI"};

struct cell {
	const char *outcome;
	enum call_state next;
};

#define IDLE            CALL_IDLE
#define WAIT_REPLY      CALL_WAIT_REPLY
#define WAIT_LOCAL      CALL_WAIT_LOCAL
#define WAIT_CONNECT    CALL_WAIT_CONNECT
#define CONNECTED       CALL_CONNECTED
#define WAIT_DISCONNECT CALL_WAIT_DISCONNECT

/* clang-format off */
static const struct cell table[ROWS][COLUMNS] = {
	[OCRQ] = {
		[PNS_NONE] =            {STATE_ " OCRP7", IDLE},
		[PNS_WAIT_REPLY] =      {STATE_ " OCRP7", WAIT_REPLY},
		[PNS_CONNECTED] =       {STATE_ " OCRP7", CONNECTED},
		[PNS_WAIT_DISCONNECT] = {STATE_ " OCRP7", WAIT_DISCONNECT},
		[PNS_CLEARED_EARLY] =   {STATE_ " OCRP7", WAIT_DISCONNECT},
		[PAC_NONE] =            {"wanted", WAIT_LOCAL},
		[PAC_WAIT_LOCAL] =      {"drop:control-value OCRP2/5", WAIT_LOCAL},
		[PAC_CONNECTED] =       {"drop:control-value OCRP2/5", CONNECTED},
		[IN_PNS_NONE] =           {"wanted", WAIT_LOCAL},
		[IN_PNS_WAIT_LOCAL] =     {"drop:control-value OCRP2/5", WAIT_LOCAL},
		[IN_PNS_WAIT_CONNECT] =   {"drop:control-value OCRP2/5", WAIT_CONNECT},
		[IN_PNS_CONNECTED] =      {"drop:control-value OCRP2/5", CONNECTED},
		[IN_PNS_WAIT_DISCONNECT] = {"drop:control-value OCRP2/5", WAIT_DISCONNECT},
		[IN_PAC_WAIT_REPLY] =     {"wanted", WAIT_LOCAL},
		[IN_PAC_CONNECTED] =      {"drop:control-value OCRP2/5", CONNECTED}},
	[OCRP] = {
		[PNS_NONE] =            {CALL_, IDLE},
		[PNS_WAIT_REPLY] =      {"call-up", CONNECTED},
		[PNS_CONNECTED] =       {STATE_, CONNECTED},
		[PNS_WAIT_DISCONNECT] = {STATE_, WAIT_DISCONNECT},
		[PNS_CLEARED_EARLY] =   {"", WAIT_DISCONNECT},
		[PAC_NONE] =            {CALL_, IDLE},
		[PAC_WAIT_LOCAL] =      {CALL_, WAIT_LOCAL},
		[PAC_CONNECTED] =       {STATE_, CONNECTED},
		[IN_PNS_NONE] =           {CALL_, IDLE},
		[IN_PNS_WAIT_LOCAL] =     {CALL_, WAIT_LOCAL},
		[IN_PNS_WAIT_CONNECT] =   {STATE_, WAIT_CONNECT},
		[IN_PNS_CONNECTED] =      {STATE_, CONNECTED},
		[IN_PNS_WAIT_DISCONNECT] = {STATE_, WAIT_DISCONNECT},
		[IN_PAC_WAIT_REPLY] =     {STATE_, WAIT_REPLY},
		[IN_PAC_CONNECTED] =      {STATE_, CONNECTED}},
	[OCRP_REFUSED] = {
		[PNS_NONE] =            {CALL_, IDLE},
		[PNS_WAIT_REPLY] =      {"call-down:call-refused", IDLE},
		[PNS_CONNECTED] =       {STATE_, CONNECTED},
		[PNS_WAIT_DISCONNECT] = {STATE_, WAIT_DISCONNECT},
		[PNS_CLEARED_EARLY] =   {"call-down:admin", IDLE},
		[PAC_NONE] =            {CALL_, IDLE},
		[PAC_WAIT_LOCAL] =      {CALL_, WAIT_LOCAL},
		[PAC_CONNECTED] =       {STATE_, CONNECTED},
		[IN_PNS_NONE] =           {CALL_, IDLE},
		[IN_PNS_WAIT_LOCAL] =     {CALL_, WAIT_LOCAL},
		[IN_PNS_WAIT_CONNECT] =   {STATE_, WAIT_CONNECT},
		[IN_PNS_CONNECTED] =      {STATE_, CONNECTED},
		[IN_PNS_WAIT_DISCONNECT] = {STATE_, WAIT_DISCONNECT},
		[IN_PAC_WAIT_REPLY] =     {STATE_, WAIT_REPLY},
		[IN_PAC_CONNECTED] =      {STATE_, CONNECTED}},
	[ICRQ] = {
		[PNS_NONE] =            {"ICRP3", IDLE},
		[PNS_WAIT_REPLY] =      {"ICRP3", WAIT_REPLY},
		[PNS_CONNECTED] =       {"ICRP3", CONNECTED},
		[PNS_WAIT_DISCONNECT] = {"ICRP3", WAIT_DISCONNECT},
		[PNS_CLEARED_EARLY] =   {"ICRP3", WAIT_DISCONNECT},
		[PAC_NONE] =            {"ICRP3", IDLE},
		[PAC_WAIT_LOCAL] =      {"ICRP3", WAIT_LOCAL},
		[PAC_CONNECTED] =       {"ICRP3", CONNECTED},
		[IN_PNS_NONE] =           {"wanted", WAIT_LOCAL},
		[IN_PNS_WAIT_LOCAL] =     {"drop:control-value ICRP2/5", WAIT_LOCAL},
		[IN_PNS_WAIT_CONNECT] =   {"drop:control-value ICRP2/5", WAIT_CONNECT},
		[IN_PNS_CONNECTED] =      {"drop:control-value ICRP2/5", CONNECTED},
		[IN_PNS_WAIT_DISCONNECT] = {"drop:control-value ICRP2/5", WAIT_DISCONNECT},
		[IN_PAC_WAIT_REPLY] =     {"ICRP3", WAIT_REPLY},
		[IN_PAC_CONNECTED] =      {"ICRP3", CONNECTED}},
	[ICRP] = {
		[PNS_NONE] =            {CALL_, IDLE},
		[PNS_WAIT_REPLY] =      {STATE_, WAIT_REPLY},
		[PNS_CONNECTED] =       {STATE_, CONNECTED},
		[PNS_WAIT_DISCONNECT] = {STATE_, WAIT_DISCONNECT},
		[PNS_CLEARED_EARLY] =   {STATE_, WAIT_DISCONNECT},
		[PAC_NONE] =            {CALL_, IDLE},
		[PAC_WAIT_LOCAL] =      {CALL_, WAIT_LOCAL},
		[PAC_CONNECTED] =       {STATE_, CONNECTED},
		[IN_PNS_NONE] =           {CALL_, IDLE},
		[IN_PNS_WAIT_LOCAL] =     {CALL_, WAIT_LOCAL},
		[IN_PNS_WAIT_CONNECT] =   {STATE_, WAIT_CONNECT},
		[IN_PNS_CONNECTED] =      {STATE_, CONNECTED},
		[IN_PNS_WAIT_DISCONNECT] = {STATE_, WAIT_DISCONNECT},
		[IN_PAC_WAIT_REPLY] =     {"call-up ICCN", CONNECTED},
		[IN_PAC_CONNECTED] =      {STATE_, CONNECTED}},
	[ICRP_REFUSED] = {
		[PNS_NONE] =            {CALL_, IDLE},
		[PNS_WAIT_REPLY] =      {STATE_, WAIT_REPLY},
		[PNS_CONNECTED] =       {STATE_, CONNECTED},
		[PNS_WAIT_DISCONNECT] = {STATE_, WAIT_DISCONNECT},
		[PNS_CLEARED_EARLY] =   {STATE_, WAIT_DISCONNECT},
		[PAC_NONE] =            {CALL_, IDLE},
		[PAC_WAIT_LOCAL] =      {CALL_, WAIT_LOCAL},
		[PAC_CONNECTED] =       {STATE_, CONNECTED},
		[IN_PNS_NONE] =           {CALL_, IDLE},
		[IN_PNS_WAIT_LOCAL] =     {CALL_, WAIT_LOCAL},
		[IN_PNS_WAIT_CONNECT] =   {STATE_, WAIT_CONNECT},
		[IN_PNS_CONNECTED] =      {STATE_, CONNECTED},
		[IN_PNS_WAIT_DISCONNECT] = {STATE_, WAIT_DISCONNECT},
		[IN_PAC_WAIT_REPLY] =     {"call-down:call-refused", IDLE},
		[IN_PAC_CONNECTED] =      {STATE_, CONNECTED}},
	[ICCN] = {
		[PNS_NONE] =            {CALL_, IDLE},
		[PNS_WAIT_REPLY] =      {STATE_, WAIT_REPLY},
		[PNS_CONNECTED] =       {STATE_, CONNECTED},
		[PNS_WAIT_DISCONNECT] = {STATE_, WAIT_DISCONNECT},
		[PNS_CLEARED_EARLY] =   {STATE_, WAIT_DISCONNECT},
		[PAC_NONE] =            {CALL_, IDLE},
		[PAC_WAIT_LOCAL] =      {CALL_, WAIT_LOCAL},
		[PAC_CONNECTED] =       {STATE_, CONNECTED},
		[IN_PNS_NONE] =           {CALL_, IDLE},
		[IN_PNS_WAIT_LOCAL] =     {CALL_, WAIT_LOCAL},
		[IN_PNS_WAIT_CONNECT] =   {"call-up", CONNECTED},
		[IN_PNS_CONNECTED] =      {STATE_, CONNECTED},
		[IN_PNS_WAIT_DISCONNECT] = {STATE_, WAIT_DISCONNECT},
		[IN_PAC_WAIT_REPLY] =     {STATE_, WAIT_REPLY},
		[IN_PAC_CONNECTED] =      {STATE_, CONNECTED}},
	[CCRQ] = {
		[PNS_NONE] =            {CALL_, IDLE},
		[PNS_WAIT_REPLY] =      {CALL_, WAIT_REPLY},
		[PNS_CONNECTED] =       {"CDN4 call-down:peer-cleared", IDLE},
		[PNS_WAIT_DISCONNECT] = {"CDN4 call-down:admin", IDLE},
		[PNS_CLEARED_EARLY] =   {CALL_, WAIT_DISCONNECT},
		[PAC_NONE] =            {CALL_, IDLE},
		[PAC_WAIT_LOCAL] =      {"CDN4", IDLE},
		[PAC_CONNECTED] =       {"CDN4 call-down:peer-cleared", IDLE},
		[IN_PNS_NONE] =           {CALL_, IDLE},
		[IN_PNS_WAIT_LOCAL] =     {"CDN4", IDLE},
		[IN_PNS_WAIT_CONNECT] =   {"CDN4 call-down:peer-cleared", IDLE},
		[IN_PNS_CONNECTED] =      {"CDN4 call-down:peer-cleared", IDLE},
		[IN_PNS_WAIT_DISCONNECT] = {"CDN4 call-down:admin", IDLE},
		[IN_PAC_WAIT_REPLY] =     {CALL_, WAIT_REPLY},
		[IN_PAC_CONNECTED] =      {"CDN4 call-down:peer-cleared", IDLE}},
	[CDN] = {
		[PNS_NONE] =            {CALL_, IDLE},
		[PNS_WAIT_REPLY] =      {CALL_, WAIT_REPLY},
		[PNS_CONNECTED] =       {"call-down:peer-cleared", IDLE},
		[PNS_WAIT_DISCONNECT] = {"call-down:admin", IDLE},
		[PNS_CLEARED_EARLY] =   {"call-down:admin", IDLE},
		[PAC_NONE] =            {CALL_, IDLE},
		[PAC_WAIT_LOCAL] =      {"", IDLE},
		[PAC_CONNECTED] =       {"call-down:peer-cleared", IDLE},
		[IN_PNS_NONE] =           {CALL_, IDLE},
		[IN_PNS_WAIT_LOCAL] =     {"", IDLE},
		[IN_PNS_WAIT_CONNECT] =   {"call-down:peer-cleared", IDLE},
		[IN_PNS_CONNECTED] =      {"call-down:peer-cleared", IDLE},
		[IN_PNS_WAIT_DISCONNECT] = {"call-down:admin", IDLE},
		[IN_PAC_WAIT_REPLY] =     {CALL_, WAIT_REPLY},
		[IN_PAC_CONNECTED] =      {"call-down:peer-cleared", IDLE}},
	[CDN_OUR_ID] = {
		[PNS_NONE] =            {CALL_, IDLE},
		[PNS_WAIT_REPLY] =      {"call-down:call-refused", IDLE},
		[PNS_CONNECTED] =       {"call-down:peer-cleared", IDLE},
		[PNS_WAIT_DISCONNECT] = {"call-down:admin", IDLE},
		[PNS_CLEARED_EARLY] =   {"call-down:admin", IDLE},
		[PAC_NONE] =            {CALL_, IDLE},
		[PAC_WAIT_LOCAL] =      {CALL_, WAIT_LOCAL},
		[PAC_CONNECTED] =       {"call-down:peer-cleared", IDLE},
		[IN_PNS_NONE] =           {CALL_, IDLE},
		[IN_PNS_WAIT_LOCAL] =     {CALL_, WAIT_LOCAL},
		[IN_PNS_WAIT_CONNECT] =   {"call-down:peer-cleared", IDLE},
		[IN_PNS_CONNECTED] =      {"call-down:peer-cleared", IDLE},
		[IN_PNS_WAIT_DISCONNECT] = {"call-down:admin", IDLE},
		[IN_PAC_WAIT_REPLY] =     {"call-down:call-refused", IDLE},
		[IN_PAC_CONNECTED] =      {"call-down:peer-cleared", IDLE}},
	[WEN] = {
		[PNS_NONE] =            {CALL_, IDLE},
		[PNS_WAIT_REPLY] =      {"", WAIT_REPLY},
		[PNS_CONNECTED] =       {"", CONNECTED},
		[PNS_WAIT_DISCONNECT] = {"", WAIT_DISCONNECT},
		[PNS_CLEARED_EARLY] =   {"", WAIT_DISCONNECT},
		[PAC_NONE] =            {CALL_, IDLE},
		[PAC_WAIT_LOCAL] =      {CALL_, WAIT_LOCAL},
		[PAC_CONNECTED] =       {"", CONNECTED},
		[IN_PNS_NONE] =           {CALL_, IDLE},
		[IN_PNS_WAIT_LOCAL] =     {CALL_, WAIT_LOCAL},
		[IN_PNS_WAIT_CONNECT] =   {"", WAIT_CONNECT},
		[IN_PNS_CONNECTED] =      {"", CONNECTED},
		[IN_PNS_WAIT_DISCONNECT] = {"", WAIT_DISCONNECT},
		[IN_PAC_WAIT_REPLY] =     {"", WAIT_REPLY},
		[IN_PAC_CONNECTED] =      {"", CONNECTED}},
	[SLI] = {
		[PNS_NONE] =            {CALL_, IDLE},
		[PNS_WAIT_REPLY] =      {"link-info", WAIT_REPLY},
		[PNS_CONNECTED] =       {"link-info", CONNECTED},
		[PNS_WAIT_DISCONNECT] = {"link-info", WAIT_DISCONNECT},
		[PNS_CLEARED_EARLY] =   {"link-info", WAIT_DISCONNECT},
		[PAC_NONE] =            {CALL_, IDLE},
		[PAC_WAIT_LOCAL] =      {CALL_, WAIT_LOCAL},
		[PAC_CONNECTED] =       {"link-info", CONNECTED},
		[IN_PNS_NONE] =           {CALL_, IDLE},
		[IN_PNS_WAIT_LOCAL] =     {CALL_, WAIT_LOCAL},
		[IN_PNS_WAIT_CONNECT] =   {"link-info", WAIT_CONNECT},
		[IN_PNS_CONNECTED] =      {"link-info", CONNECTED},
		[IN_PNS_WAIT_DISCONNECT] = {"link-info", WAIT_DISCONNECT},
		[IN_PAC_WAIT_REPLY] =     {"link-info", WAIT_REPLY},
		[IN_PAC_CONNECTED] =      {"link-info", CONNECTED}},
};
/* clang-format on */

static struct pptp_message row_message(enum row row)
{
	static const uint8_t types[ROWS] = {PPTP_OUTGOING_REQUEST, PPTP_OUTGOING_REPLY,
		PPTP_OUTGOING_REPLY, PPTP_INCOMING_REQUEST, PPTP_INCOMING_REPLY,
		PPTP_INCOMING_REPLY, PPTP_INCOMING_CONNECTED, PPTP_CALL_CLEAR, PPTP_CALL_DISCONNECT,
		PPTP_CALL_DISCONNECT, PPTP_WAN_ERROR, PPTP_LINK_INFO};
	struct pptp_message m = call_message((enum pptp_type)types[row]);
	if (row == OCRP_REFUSED)
		m.outgoing_reply.result = 7;
	if (row == ICRP_REFUSED)
		m.incoming_reply.result = 3;
	if (row == CDN_OUR_ID)
		m.call_disconnect.call_id = LOCAL_ID;
	return m;
}

static void into_column(enum column column)
{
	switch (column) {
	case PNS_NONE:
	case PAC_NONE:
	case IN_PNS_NONE:
		established(columns[column].role);
		break;
	case PAC_WAIT_LOCAL:
		established(PAC);
		asked();
		break;
	case PNS_CLEARED_EARLY:
		with_call(PNS, CALL_WAIT_REPLY);
		assert_string_equal(clear(CLOSE_ADMIN), "CCRQ");
		break;
	case IN_PNS_WAIT_LOCAL:
		established(TAKES);
		asked_incoming();
		break;
	case IN_PNS_WAIT_CONNECT:
	case IN_PNS_CONNECTED:
	case IN_PNS_WAIT_DISCONNECT:
	case IN_PAC_WAIT_REPLY:
	case IN_PAC_CONNECTED:
		with_incoming(columns[column].role, columns[column].state);
		break;
	case PNS_WAIT_REPLY:
	case PNS_CONNECTED:
	case PNS_WAIT_DISCONNECT:
	case PAC_CONNECTED:
		with_call(columns[column].role, columns[column].state);
		break;
	case COLUMNS:
		fail();
	}
}

static enum call_state state_now(void)
{
	for (size_t i = 0; i < CONTROL_ASKED_MAX; i++)
		if (control.asked[i].token)
			return CALL_WAIT_LOCAL;
	return call.state;
}

static void every_message_in_every_state(void **state)
{
	for (int row = 0; row < ROWS; row++) {
		for (int column = 0; column < COLUMNS; column++) {
			const struct cell *cell = &table[row][column];
			into_column((enum column)column);
			assert_int_equal(state_now(), columns[column].state);
			struct pptp_message m = row_message((enum row)row);
			const char *got = say(&m);
			if (strcmp(got, cell->outcome) || state_now() != cell->next)
				fail_msg("%s, %s: \"%s\", now %s", columns[column].word,
					row_words[row], got, call_state_word(state_now()));
			assert_int_equal(control.state, CONTROL_ESTABLISHED);
			assert_int_equal(control.call_count, call.state != CALL_IDLE);
			assert_int_equal(control.calls != NULL, call.state != CALL_IDLE);
			if (call.state == CALL_CONNECTED)
				assert_int_equal(control_deadline(&control), now + SECONDS(60));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_in_every_state),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
