/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every mistake has its own words.  A row is a configuration with one mistake (or two), and exactly what must be said.
 */
#include "unit/conf_doubles.h"

struct row { const char *text, *expected; };

#define NOTIFIERS "notifiers = ( { name = \"pd\"; plugin = \"pagerduty\"; routing_key = \"env:T_KEY\"; } );"
#define POLICIES "policies = ( { name = \"p\"; steps = ( { notify = \"pd\"; } ); } );"

static const struct row whole_rows[] = {
    { "http = ;",
      "t.cfg:1: syntax error" },
    { "log_level = \"info\";\nlog_level = \"warn\";",
      "t.cfg:2: duplicate setting name" },
    { "htpp = { };",
      "t.cfg:1: unknown option 'htpp' in the configuration; did you mean 'http'?" },
    { "users = ( );",
      "t.cfg:1: unknown option 'users' in the configuration" },
    { "schedules = ( );",
      "t.cfg:1: unknown option 'schedules' in the configuration" },
    { "enrichers = ( );",
      "t.cfg:1: unknown option 'enrichers' in the configuration" },
    { "silences = ( );",
      "t.cfg:1: unknown option 'silences' in the configuration" },
    { "http = 1;",
      "t.cfg:1: 'http': expected a group, such as http = { ... };" },
    { "http = {\n  lisen = \"127.0.0.1:1\";\n};",
      "t.cfg:2: unknown option 'lisen' in http; did you mean 'listen'?" },
    { "http = { listen = 9096; };",
      "t.cfg:1: 'listen' of http: found 9096, expected text in quotes" },
    { "http = { listen = \"9096\"; };",
      "t.cfg:1: 'listen' of http: found '9096', expected an address and a port, such as \"127.0.0.1:9096\", \"0.0.0.0:9096\" or \"[::]:9096\"" },
    { "http = { listen = \"127.0.0.1:99999\"; };",
      "t.cfg:1: 'listen' of http: found '127.0.0.1:99999', expected an address and a port, such as \"127.0.0.1:9096\", \"0.0.0.0:9096\" or \"[::]:9096\"" },
    { "http = { listen = \"example.org:80\"; };",
      "t.cfg:1: 'listen' of http: found 'example.org:80', expected an address and a port, such as \"127.0.0.1:9096\", \"0.0.0.0:9096\" or \"[::]:9096\"" },
    { "http = { listen = \"0.0.0.0:9096\"; };",
      "t.cfg: http listens on '0.0.0.0:9096', where others can reach it, but there are no tokens: expected auth = { tokens = ( ... ); }, or a listen on 127.0.0.1" },
    { "http = { listen = \"[::]:9096\"; };",
      "t.cfg: http listens on '[::]:9096', where others can reach it, but there are no tokens: expected auth = { tokens = ( ... ); }, or a listen on 127.0.0.1" },
    { "http = { body_max = 1048576; };",
      "t.cfg:1: 'body_max' of http: found 1048576, expected a size with a unit, such as \"64KiB\" or \"1MiB\", from 1KiB to 64MiB" },
    { "http = { body_max = \"1 parsec\"; };",
      "t.cfg:1: 'body_max' of http: found '1 parsec', expected a size with a unit, such as \"64KiB\" or \"1MiB\", from 1KiB to 64MiB" },
    { "http = { header_max = \"1GiB\"; };",
      "t.cfg:1: 'header_max' of http: found '1GiB', expected a size with a unit, such as \"64KiB\" or \"1MiB\", from 1KiB to 256KiB" },
    { "http = { connections_max = 0; };",
      "t.cfg:1: 'connections_max' of http: found 0, expected a whole number from 1 to 1000000" },
    { "http = { connections_max = \"many\"; };",
      "t.cfg:1: 'connections_max' of http: found 'many', expected a whole number from 1 to 1000000" },
    { "http = { header_timeout = 5; };",
      "t.cfg:1: 'header_timeout' of http: found 5, expected a duration with a unit, such as \"30s\" or \"5m\", from 100ms to 5m" },
    { "http = { header_timeout = \"5 parsecs\"; };",
      "t.cfg:1: 'header_timeout' of http: found '5 parsecs', expected a duration with a unit, such as \"30s\" or \"5m\", from 100ms to 5m" },
    { "http = { body_timeout = \"15\"; };",
      "t.cfg:1: 'body_timeout' of http: found '15', expected a duration with a unit, such as \"30s\" or \"5m\", from 100ms to 10m" },
    { "http = { idle_timeout = \"10ms\"; };",
      "t.cfg:1: 'idle_timeout' of http: found '10ms', expected a duration with a unit, such as \"30s\" or \"5m\", from 1s to 1h" },
    { "http = { threads = 1.5; };",
      "t.cfg:1: 'threads' of http: found 1.5, expected a whole number from 0 to 64" },
    { "http = { public_url = \"tocsin.example.org\"; };",
      "t.cfg:1: 'public_url' of http: found 'tocsin.example.org', expected an address such as \"https://tocsin.example.org\"" },
    { "http = { tls = \"yes\"; };",
      "t.cfg:1: 'tls' of http: found 'yes', expected a group, such as { ... }" },
    { "http = { tls = { cret = \"x\"; }; };",
      "t.cfg:1: unknown option 'cret' in http.tls; did you mean 'cert'?\n"
      "t.cfg:1: http.tls has no certificate, expected cert and key" },
    { "http = { tls = { cert = \"nowhere.pem\"; key = \"nowhere.key\"; }; };",
      "t.cfg:1: 'cert' of http.tls: cannot open 'nowhere.pem': No such file or directory\n"
      "t.cfg:1: 'key' of http.tls: cannot open 'nowhere.key': No such file or directory" },
    { "http = { tls = { cert = \"secret.txt\"; }; };",
      "t.cfg:1: http.tls has a certificate, expected its private key as well" },
    { "http = { tls = { cert = \"secret.txt\"; key = \"secret.txt\"; }; };",
      "t.cfg:1: http.tls: certificate 'secret.txt' holds no certificate in PEM" },
    { "store = { driver = \"sqllite\"; };",
      "t.cfg:1: 'driver' of store: found 'sqllite', expected 'sqlite' or 'memory'; did you mean 'sqlite'?" },
    { "store = { driver = \"postgres\"; };",
      "t.cfg:1: 'driver' of store: found 'postgres', expected 'sqlite' or 'memory'" },
    { "store = { keep = 90; };",
      "t.cfg:1: 'keep' of store: found 90, expected a duration with a unit, such as \"30s\" or \"5m\", from 1h to 3650d" },
    { "store = { reserve = \"1TiB\"; };",
      "t.cfg:1: 'reserve' of store: found '1TiB', expected a size with a unit, such as \"64KiB\" or \"1MiB\", from 0B to 64GiB" },
    { "store = { path = 1; };",
      "t.cfg:1: 'path' of store: found 1, expected the path of a file, in quotes" },
    { "log_level = \"inof\";",
      "t.cfg:1: 'log_level' of the configuration: found 'inof', expected 'error', 'warn', 'info' or 'debug'; did you mean 'info'?" },
    { "rules = 1;",
      "t.cfg:1: 'rules' of the configuration: expected the path of a folder, in quotes" },
    { "rules = \"nowhere\";",
      "t.cfg:1: 'rules' of the configuration: cannot open the folder 'nowhere': No such file or directory" },
    { "auth = { token = ( ); };",
      "t.cfg:1: unknown option 'token' in auth; did you mean 'tokens'?" },
    { "auth = { tokens = { name = \"a\"; }; };",
      "t.cfg:1: 'tokens' of auth: expected a list of groups, such as ( { ... }, { ... } )" },
    { "auth = { tokens = [ \"a\" ]; };",
      "t.cfg:1: 'tokens' of auth: expected a list of groups, such as ( { ... }, { ... } )" },
    { "auth = { tokens = ( \"a\" ); };",
      "t.cfg:1: 'tokens' of auth: item 1 is not a group, expected { ... }" },
    { "auth = { tokens = ( { name = \"a\"; token = \"env:T_KEY\"; } ); };",
      "t.cfg:1: 'role' of token 'a' is missing, expected 'viewer', 'responder' or 'admin': viewer reads, responder also acts on incidents, admin also changes tocsin" },
    { "auth = { tokens = ( { name = \"a\"; token = \"env:T_KEY\"; role = \"root\"; } ); };",
      "t.cfg:1: 'role' of token 'a': found 'root', expected 'viewer', 'responder' or 'admin'" },
    { "auth = { tokens = ( { name = \"a\"; token = \"hunter2-hunter2\"; role = \"admin\"; } ); };",
      "t.cfg:1: 'token' of token 'a': a secret stands in the file itself, where all who read or copy it see it; expected a reference such as \"env:NAME\", \"file:/path\" or \"cred:NAME\"" },
    { "auth = { tokens = ( { name = \"a\"; token = 12345678; role = \"admin\"; } ); };",
      "t.cfg:1: 'token' of token 'a': found a number, expected a reference such as \"env:NAME\", \"file:/path\" or \"cred:NAME\"" },
    { "auth = { tokens = ( { name = \"a\"; token = \"env:T_NOT_SET\"; role = \"admin\"; } ); };",
      "t.cfg:1: 'token' of token 'a': environment variable 'T_NOT_SET' is not set" },
    { "auth = { tokens = ( { name = \"a\"; token = \"env:\"; role = \"admin\"; } ); };",
      "t.cfg:1: 'token' of token 'a': 'env:' names nothing" },
    { "auth = { tokens = ( { name = \"a\"; token = \"env:T_EMPTY\"; role = \"admin\"; } ); };",
      "t.cfg:1: 'token' of token 'a': environment variable 'T_EMPTY' is empty" },
    { "auth = { tokens = ( { name = \"a\"; token = \"file:nowhere.key\"; role = \"admin\"; } ); };",
      "t.cfg:1: 'token' of token 'a': cannot open 'nowhere.key': No such file or directory" },
    { "auth = { tokens = ( { name = \"a\"; token = \"file:empty.txt\"; role = \"admin\"; } ); };",
      "t.cfg:1: 'token' of token 'a': file 'empty.txt' is empty" },
    { "auth = { tokens = ( { name = \"a\"; token = \"cred:x\"; role = \"admin\"; } ); };",
      "t.cfg:1: 'token' of token 'a': 'cred:x': $CREDENTIALS_DIRECTORY is not set; systemd sets it for LoadCredential=" },
    { "auth = { tokens = ( { name = \"a\"; token = \"cred:../x\"; role = \"admin\"; } ); };",
      "t.cfg:1: 'token' of token 'a': 'cred:../x': expected a name without '/'" },
    { "auth = { tokens = (\n  { name = \"a\"; token = \"env:T_KEY\"; role = \"admin\"; },\n  { name = \"a\"; token = \"env:T_TOKEN\"; role = \"admin\"; } ); };",
      "t.cfg:3: token 'a' is defined twice" },
    { "auth = { tokens = (\n  { name = \"a\"; token = \"env:T_KEY\"; role = \"admin\"; },\n  { name = \"b\"; token = \"file:key.txt\"; role = \"viewer\"; } ); };",
      "t.cfg:3: token 'b' has the same secret as token 'a', expected one of its own" },
    { "collectors = { };",
      "t.cfg:1: 'collectors' of the configuration: expected a list of groups, such as ( { ... }, { ... } )" },
    { "collectors = ( { } );",
      "t.cfg:1: 'name' of collector 1 is missing, expected text in quotes: letters, digits, - and _; webhooks post to /v1/in/NAME\n"
      "t.cfg:1: 'format' of collector 1 is missing, expected text in quotes: the integration that understands the bytes\n"
      "t.cfg:1: 'auth' of collector 1 is missing, expected \"none\", \"signature\" or a group such as { bearer = \"env:NAME\"; }" },
    { "collectors = ( { name = \"in\"; format = \"json\";  } );",
      "t.cfg:1: 'auth' of collector 'in' is missing, expected \"none\", \"signature\" or a group such as { bearer = \"env:NAME\"; }" },
    { "collectors = ( { name = \"in\"; format = \"json\"; auth = 1; } );",
      "t.cfg:1: 'auth' of collector 'in': expected \"none\", \"signature\" or a group such as { bearer = \"env:NAME\"; }" },
    { "collectors = ( { name = \"in\"; format = \"json\"; auth = \"nnone\"; } );",
      "t.cfg:1: 'auth' of collector 'in': expected \"none\", \"signature\" or a group such as { bearer = \"env:NAME\"; }; did you mean 'none'?" },
    { "collectors = ( { name = \"in\"; format = \"json\"; auth = \"s3cr3t-in-the-wrong-place\"; } );",
      "t.cfg:1: 'auth' of collector 'in': expected \"none\", \"signature\" or a group such as { bearer = \"env:NAME\"; }" },
    { "collectors = ( { name = \"in\"; format = \"json\"; auth = { }; } );",
      "t.cfg:1: auth of collector 'in' is empty, expected bearer, basic, hmac, client_cert, signature or allow" },
    { "collectors = ( { name = \"in\"; format = \"json\"; auth = { bearer = \"s3cr3t-in-the-file\"; }; } );",
      "t.cfg:1: 'bearer' of auth of collector 'in': a secret stands in the file itself, where all who read or copy it see it; expected a reference such as \"env:NAME\", \"file:/path\" or \"cred:NAME\"" },
    { "collectors = ( { name = \"in\"; format = \"json\"; auth = { bearer = [ \"env:T_KEY\", \"env:T_NOT_SET\" ]; }; } );",
      "t.cfg:1: 'bearer' of auth of collector 'in': environment variable 'T_NOT_SET' is not set" },
    { "collectors = ( { name = \"in\"; format = \"json\"; auth = { bearer = [ ]; }; } );",
      "t.cfg:1: 'bearer' of auth of collector 'in': found an empty list, expected a reference such as \"env:NAME\", \"file:/path\" or \"cred:NAME\", or a list of them" },
    { "collectors = ( { name = \"in\"; format = \"json\"; auth = { bearer = 7; }; } );",
      "t.cfg:1: 'bearer' of auth of collector 'in': found a number, expected a reference such as \"env:NAME\", \"file:/path\" or \"cred:NAME\", or a list of them" },
    { "collectors = ( { name = \"in\"; format = \"json\"; auth = { bearer = \"env:T_KEY\"; hmac = \"env:T_KEY\"; }; } );",
      "t.cfg:1: auth of collector 'in' names several ways, expected one of bearer, basic, hmac, client_cert and signature" },
    { "collectors = ( { name = \"in\"; format = \"json\"; auth = { baerer = \"env:T_KEY\"; }; } );",
      "t.cfg:1: unknown option 'baerer' in auth of collector 'in'; did you mean 'bearer'?" },
    { "collectors = ( { name = \"in\"; format = \"json\"; auth = { basic = \"env:T_KEY\"; }; } );",
      "t.cfg:1: 'basic' of auth of collector 'in': what it refers to is not of the form user:password" },
    { "collectors = ( { name = \"in\"; format = \"json\"; auth = { user = \"u\"; }; } );",
      "t.cfg:1: auth of collector 'in' has only one of user and password, expected both" },
    { "collectors = ( { name = \"in\"; format = \"json\"; auth = { basic = \"env:T_BASIC\"; user = \"u\"; }; } );",
      "t.cfg:1: auth of collector 'in' has basic as well as user and password, expected one of the two forms" },
    { "collectors = ( { name = \"in\"; format = \"json\"; auth = { bearer = \"env:T_KEY\"; header = \"X-Signature\"; }; } );",
      "t.cfg:1: auth of collector 'in' has header or prefix, which belong to hmac" },
    { "collectors = ( { name = \"in\"; format = \"json\"; auth = { allow = [ \"10.0.0.0/33\" ]; }; } );",
      "t.cfg:1: 'allow' of auth of collector 'in': found '10.0.0.0/33', expected addresses such as \"10.0.0.0/8\" or \"2001:db8::/32\"" },
    { "collectors = ( { name = \"in\"; format = \"json\"; auth = { bearer = \"env:T_KEY\"; allow = [ \"10.0.0\" ]; }; } );",
      "t.cfg:1: 'allow' of auth of collector 'in': found '10.0.0', expected addresses such as \"10.0.0.0/8\" or \"2001:db8::/32\"" },
    { "collectors = ( { name = \"in\"; format = \"json\"; auth = { client_cert = [ \"*.example.org\" ]; }; } );",
      "t.cfg:1: 'auth' of collector 'in' wants client certificates, expected http = { tls = { client_ca = \"...\"; }; } to check them against" },
    { "collectors = ( { name = \"in\"; format = \"json\"; auth = { client_cert = [ ]; }; } );",
      "t.cfg:1: 'client_cert' of auth of collector 'in' is empty, expected at least one name" },
    { "collectors = ( { name = \"in\"; format = \"json\"; auth = \"signature\"; } );",
      "t.cfg:1: 'auth' of collector 'in': format 'json' has no signature to check" },
    { "collectors = ( { name = \"in\"; format = \"json\"; auth = \"none\"; mapping = \"nowhere.jq\"; } );",
      "t.cfg:1: 'mapping' of collector 'in': cannot open 'nowhere.jq': No such file or directory" },
    { "collectors = ( { name = \"in\"; format = \"json\"; auth = \"none\"; mapping = \"broken.jq\"; } );",
      "t.cfg:1: 'mapping' of collector 'in': broken.jq: syntax error" },
    { "collectors = ( { name = \"in\"; format = \"json\"; auth = \"none\"; broker = \"mqtt://b\"; } );",
      "t.cfg:1: 'broker' of collector 'in' belongs to type \"mqtt\", and this is \"webhook\"" },
    { "collectors = ( { name = \"in\"; format = \"json\"; auth = \"none\"; colour = \"red\"; } );",
      "t.cfg:1: unknown option 'colour' in collector 'in'" },
    { "collectors = ( { name = \"in\"; format = \"json\"; auth = \"none\"; auth_none_is_fine = \"yes\"; } );",
      "t.cfg:1: 'auth_none_is_fine' of collector 'in': found 'yes', expected true or false" },
    { "collectors = ( { name = \"in\"; format = \"json\"; auth = \"none\"; type = \"webhok\"; } );",
      "t.cfg:1: 'type' of collector 'in': found 'webhok', expected 'webhook' or 'mqtt'; did you mean 'webhook'?" },
    { "http = { listen = \"0.0.0.0:9096\"; }; auth = { tokens = ( { name = \"a\"; token = \"env:T_KEY\"; role = \"admin\"; } ); };\ncollectors = ( { name = \"in\"; format = \"json\"; auth = \"none\"; } );",
      "t.cfg:2: 'auth' of collector 'in' is \"none\" while http listens on '0.0.0.0:9096', where others can reach it: expected a way such as { bearer = \"env:NAME\"; }, or auth_none_is_fine = true if this is meant" },
    { "collectors = ( { name = \"in\"; format = \"jsno\"; auth = \"none\"; } );",
      "t.cfg:1: 'format' of collector 'in': there is no integration 'jsno' in 'plugins'; did you mean 'json'?" },
    { "collectors = ( { name = \"in\"; format = \"zabbix\"; auth = \"none\"; } );",
      "t.cfg:1: 'format' of collector 'in': there is no integration 'zabbix' in 'plugins'" },
    { "collectors = ( { name = \"in\"; format = \"pagerduty\"; auth = \"none\"; } );",
      "t.cfg:1: 'format' of collector 'in': integration 'pagerduty' only notifies, it takes no alerts in" },
    { "collectors = ( { name = \"in\"; format = \"stale\"; auth = \"none\"; } );",
      "t.cfg:1: 'format' of collector 'in': integration 'stale' has ABI 7, this tocsin needs 1" },
    { "collectors = ( { name = \"in\"; format = \"aws-sns\"; auth = \"none\"; } );",
      "t.cfg:1: 'topic_arns' of collector 'in' is missing, expected a list of texts, such as [ \"a\", \"b\" ]: topics that may send" },
    { "collectors = ( { name = \"in/x\"; format = \"json\"; auth = \"none\"; } );",
      "t.cfg:1: 'name' of collector 1: found 'in/x', expected at most 64 letters, digits, - and _" },
    { "collectors = (\n  { name = \"in\"; format = \"json\"; auth = \"none\"; },\n  { name = \"in\"; format = \"azure\"; auth = \"none\"; } );",
      "t.cfg:3: collector 'in' is defined twice; first at t.cfg:2" },
    { "collectors = ( { name = \"m\"; type = \"mqtt\"; format = \"json\";  client_id = \"c\"; topics = \"a/#\"; } );",
      "t.cfg:1: 'broker' of collector 'm' is missing, expected an address such as \"mqtts://broker:8883\" or \"mqtt://broker\": the broker; port 8883 with mqtts, 1883 with mqtt" },
    { "collectors = ( { name = \"m\"; type = \"mqtt\"; format = \"json\"; broker = \"tcp://b\"; client_id = \"c\"; topics = \"a/#\"; } );",
      "t.cfg:1: 'broker' of collector 'm': found 'tcp://b', expected an address such as \"mqtts://broker:8883\" or \"mqtt://broker\"" },
    { "collectors = ( { name = \"m\"; type = \"mqtt\"; format = \"json\"; broker = \"mqtt://b:0\"; client_id = \"c\"; topics = \"a/#\"; } );",
      "t.cfg:1: 'broker' of collector 'm': found 'mqtt://b:0', expected an address such as \"mqtts://broker:8883\" or \"mqtt://broker\"" },
    { "collectors = ( { name = \"m\"; type = \"mqtt\"; format = \"json\"; broker = \"mqtt://u:pw@b\"; client_id = \"c\"; topics = \"a/#\"; } );",
      "t.cfg:1: 'broker' of collector 'm' holds a user or password, expected username = \"...\" and password = \"env:NAME\"" },
    { "collectors = ( { name = \"m\"; type = \"mqtt\"; format = \"json\"; broker = \"mqtt://b\"; topics = \"a/#\"; } );",
      "t.cfg:1: 'client_id' of collector 'm' is missing, expected text in quotes: the broker keeps messages under this name while tocsin is away; unique" },
    { "collectors = ( { name = \"m\"; type = \"mqtt\"; format = \"json\"; broker = \"mqtt://b\"; client_id = \"c\"; topics = [ ]; } );",
      "t.cfg:1: 'topics' of collector 'm' is empty, expected at least one" },
    { "collectors = ( { name = \"m\"; type = \"mqtt\"; format = \"json\"; broker = \"mqtt://b\"; client_id = \"c\"; topics = [ \"a/#/b\" ]; } );",
      "t.cfg:1: 'topics' of collector 'm': found 'a/#/b', expected a filter such as \"train/+cluster/+host/alert\" or \"lab/#\"" },
    { "collectors = ( { name = \"m\"; type = \"mqtt\"; format = \"json\"; broker = \"mqtt://b\"; client_id = \"c\"; topics = [ \"a/b+\" ]; } );",
      "t.cfg:1: 'topics' of collector 'm': found 'a/b+', expected a filter such as \"train/+cluster/+host/alert\" or \"lab/#\"" },
    { "collectors = ( { name = \"m\"; type = \"mqtt\"; format = \"json\"; broker = \"mqtt://b\"; client_id = \"c\"; topics = \"a/#\"; version = 4; } );",
      "t.cfg:1: 'version' of collector 'm': found 4, expected 5, 311, \"5\" or \"3.1.1\"" },
    { "collectors = ( { name = \"m\"; type = \"mqtt\"; format = \"json\"; broker = \"mqtt://b\"; client_id = \"c\"; topics = \"a/#\"; keepalive = \"1s\"; } );",
      "t.cfg:1: 'keepalive' of collector 'm': found '1s', expected a duration with a unit, such as \"30s\" or \"5m\", from 5s to 18h" },
    { "collectors = ( { name = \"m\"; type = \"mqtt\"; format = \"json\"; broker = \"mqtt://b\"; client_id = \"c\"; topics = \"a/#\"; auth = \"none\"; } );",
      "t.cfg:1: 'auth' of collector 'm' is for webhooks: here the broker knows its publishers" },
    { "collectors = ( { name = \"m\"; type = \"mqtt\"; format = \"json\"; broker = \"mqtt://b\"; client_id = \"c\"; topics = \"a/#\"; password = \"env:T_KEY\"; } );",
      "t.cfg:1: collector 'm' has a password without a username" },
    { "collectors = ( { name = \"m\"; type = \"mqtt\"; format = \"json\"; broker = \"mqtt://b\"; client_id = \"c\"; topics = \"a/#\"; ca_file = \"secret.txt\"; } );",
      "t.cfg:1: collector 'm' has certificates, but its broker is reached without TLS, expected mqtts://..." },
    { "collectors = ( { name = \"m\"; type = \"mqtt\"; format = \"json\"; broker = \"mqtt://b\"; client_id = \"c\"; topics = \"a/#\"; retianed = true; } );",
      "t.cfg:1: unknown option 'retianed' in collector 'm'; did you mean 'retained'?" },
};

static const struct row notifier_rows[] = {
    { "notifiers = ( { name = \"pd\";  } );",
      "t.cfg:1: 'plugin' of notifier 'pd' is missing, expected text in quotes: the integration" },
    { "notifiers = ( { name = \"pd\"; plugin = \"pagerdty\"; } );",
      "t.cfg:1: 'plugin' of notifier 'pd': there is no integration 'pagerdty' in 'plugins'; did you mean 'pagerduty'?" },
    { "notifiers = ( { name = \"pd\"; plugin = \"json\"; } );",
      "t.cfg:1: 'plugin' of notifier 'pd': integration 'json' only takes alerts in, it cannot notify" },
    { "notifiers = ( { name = \"pd\"; plugin = \"stale\"; } );",
      "t.cfg:1: 'plugin' of notifier 'pd': integration 'stale' has ABI 7, this tocsin needs 1" },
    { "notifiers = ( { name = \"pd\"; plugin = \"pagerduty\"; } );",
      "t.cfg:1: 'routing_key' of notifier 'pd' is missing, expected a reference such as \"env:NAME\", \"file:/path\" or \"cred:NAME\": the service's key" },
    { "notifiers = ( { name = \"pd\"; plugin = \"pagerduty\"; routing_key = \"R0UT1NG\"; } );",
      "t.cfg:1: 'routing_key' of notifier 'pd': a secret stands in the file itself, where all who read or copy it see it; expected a reference such as \"env:NAME\", \"file:/path\" or \"cred:NAME\"" },
    { "notifiers = ( { name = \"pd\"; plugin = \"pagerduty\"; routing_key = [ \"R0UT1NG\" ]; } );",
      "t.cfg:1: 'routing_key' of notifier 'pd': found a list, expected a reference such as \"env:NAME\", \"file:/path\" or \"cred:NAME\"" },
    { "notifiers = ( { name = \"pd\"; plugin = \"pagerduty\"; routing_key = \"env:T_KEY\"; routing_kye = \"x\"; } );",
      "t.cfg:1: unknown option 'routing_kye' in notifier 'pd'; did you mean 'routing_key'?" },
    { "notifiers = ( { name = \"pd\"; plugin = \"pagerduty\"; routing_key = \"env:T_KEY\"; url = \"refuse me\"; } );",
      "t.cfg:1: notifier 'pd': 'url': expected something kinder" },
    { "notifiers = ( { name = \"pd\"; plugin = \"pagerduty\"; routing_key = \"env:T_KEY\"; url = 5; } );",
      "t.cfg:1: 'url' of notifier 'pd': found 5, expected text in quotes" },
    { "notifiers = ( { name = \"pd\"; plugin = \"pagerduty\"; routing_key = \"env:T_KEY\"; rate = \"fast\"; } );",
      "t.cfg:1: 'rate' of notifier 'pd': found 'fast', expected requests in a time, such as \"120/1m\", or a number of requests a second" },
    { "notifiers = ( { name = \"pd\"; plugin = \"pagerduty\"; routing_key = \"env:T_KEY\"; rate = \"5/5\"; } );",
      "t.cfg:1: 'rate' of notifier 'pd': found '5/5', expected requests in a time, such as \"120/1m\", or a number of requests a second" },
    { "notifiers = ( { name = \"pd\"; plugin = \"pagerduty\"; routing_key = \"env:T_KEY\"; rate = -1; } );",
      "t.cfg:1: 'rate' of notifier 'pd': found -1, expected requests in a time, such as \"120/1m\", or a number of requests a second" },
    { "notifiers = ( { name = \"pd\"; plugin = \"pagerduty\"; routing_key = \"env:T_KEY\"; burst = -1; } );",
      "t.cfg:1: 'burst' of notifier 'pd': found -1, expected a whole number from 0 to 100000" },
    { "notifiers = ( { name = \"pd\"; plugin = \"pagerduty\"; routing_key = \"env:T_KEY\"; concurrency = 0; } );",
      "t.cfg:1: 'concurrency' of notifier 'pd': found 0, expected a whole number from 1 to 256" },
    { "notifiers = ( { name = \"pd\"; plugin = \"pagerduty\"; routing_key = \"env:T_KEY\"; timeout = 10; } );",
      "t.cfg:1: 'timeout' of notifier 'pd': found 10, expected a duration with a unit, such as \"30s\" or \"5m\", from 100ms to 5m" },
    { "notifiers = ( { name = \"pd\"; plugin = \"pagerduty\"; routing_key = \"env:T_KEY\"; timeout = \"1h\"; } );",
      "t.cfg:1: 'timeout' of notifier 'pd': found '1h', expected a duration with a unit, such as \"30s\" or \"5m\", from 100ms to 5m" },
    { "notifiers = ( { name = \"pd\"; plugin = \"pagerduty\"; routing_key = \"env:T_KEY\"; send_resolved = \"no\"; } );",
      "t.cfg:1: 'send_resolved' of notifier 'pd': found 'no', expected true or false" },
    { "notifiers = ( { name = \"pd\"; plugin = \"pagerduty\"; routing_key = \"env:T_KEY\"; proxy = \"http://me:hunter2@proxy:3128\"; } );",
      "t.cfg:1: 'proxy' of notifier 'pd' holds a user or password, expected a reference to the whole address, such as \"env:NAME\", \"file:/path\" or \"cred:NAME\"" },
    { "notifiers = ( { name = \"pd\"; plugin = \"pagerduty\"; routing_key = \"env:T_KEY\"; proxy = \"proxy:3128\"; } );",
      "t.cfg:1: 'proxy' of notifier 'pd': found 'proxy:3128', expected an address such as \"http://proxy:3128\", or a reference to one" },
    { "notifiers = ( { name = \"pd\"; plugin = \"pagerduty\"; routing_key = \"env:T_KEY\"; proxy = \"env:T_KEY\"; } );",
      "t.cfg:1: 'proxy' of notifier 'pd' refers to something that is no address such as \"http://proxy:3128\"" },
    { "notifiers = ( { name = \"pd\"; plugin = \"pagerduty\"; routing_key = \"env:T_KEY\"; proxy = \"env:T_NOT_SET\"; } );",
      "t.cfg:1: 'proxy' of notifier 'pd': environment variable 'T_NOT_SET' is not set" },
    { "notifiers = ( { name = \"pd\"; plugin = \"pagerduty\"; routing_key = \"env:T_KEY\"; ca_file = \"nowhere.pem\"; } );",
      "t.cfg:1: 'ca_file' of notifier 'pd': cannot open 'nowhere.pem': No such file or directory" },
    { "notifiers = ( { name = \"pd\"; plugin = \"opsgenie\"; api_key = \"env:T_KEY\"; region = \"uk\"; } );",
      "t.cfg:1: 'region' of notifier 'pd': found 'uk', expected 'us' or 'eu'" },
    { "notifiers = ( { name = \"pd\"; plugin = \"opsgenie\"; api_key = \"env:T_KEY\"; depth = \"three\"; } );",
      "t.cfg:1: 'depth' of notifier 'pd': found 'three', expected a whole number" },
    { "notifiers = ( { name = \"pd\"; plugin = \"opsgenie\"; api_key = \"env:T_KEY\"; verbose = 1; } );",
      "t.cfg:1: 'verbose' of notifier 'pd': found 1, expected true or false" },
    { "notifiers = ( { name = \"pd\"; plugin = \"opsgenie\"; api_key = \"env:T_KEY\"; wait = 5; } );",
      "t.cfg:1: 'wait' of notifier 'pd': found 5, expected a duration with a unit, such as \"30s\" or \"5m\"" },
    { "notifiers = ( { name = \"pd\"; plugin = \"opsgenie\"; api_key = \"env:T_KEY\"; tags = 5; } );",
      "t.cfg:1: 'tags' of notifier 'pd': found 5, expected a list of texts, such as [ \"a\", \"b\" ]" },
    { "notifiers = ( { name = \"pd\"; plugin = \"opsgenie\"; api_key = \"env:T_KEY\"; tags = [ 5 ]; } );",
      "t.cfg:1: 'tags' of notifier 'pd': item 1 is not text, expected a list of texts, such as [ \"a\", \"b\" ]" },
    { "notifiers = ( { name = \"pd\"; plugin = \"opsgenie\"; api_key = \"env:T_KEY\"; tags = [ \"\" ]; } );",
      "t.cfg:1: 'tags' of notifier 'pd': item 1 is empty, expected a list of texts, such as [ \"a\", \"b\" ]" },
    { "notifiers = ( { name = \"pd\"; plugin = \"opsgenie\"; api_key = \"env:T_KEY\"; details = \"x\"; } );",
      "t.cfg:1: 'details' of notifier 'pd': found 'x', expected a group of texts, such as { a = \"b\"; }" },
    { "notifiers = ( { name = \"pd\"; plugin = \"opsgenie\"; api_key = \"env:T_KEY\"; details = { a = 5; }; } );",
      "t.cfg:1: 'details.a' of notifier 'pd' is not text, expected text in quotes" },
    { "notifiers = ( { plugin = \"pagerduty\"; routing_key = \"env:T_KEY\"; }, { name = \"pd\"; plugin = \"pagerduty\"; routing_key = \"env:T_KEY\"; } );",
      "t.cfg:1: 'name' of notifier 1 is missing, expected text in quotes: letters, digits, - and _; stands in policies and rules" },
    { "notifiers = ( { name = \"\"; plugin = \"pagerduty\"; routing_key = \"env:T_KEY\"; }, { name = \"pd\"; plugin = \"pagerduty\"; routing_key = \"env:T_KEY\"; } );",
      "t.cfg:1: 'name' of notifier 1 is empty" },
    { "notifiers = (\n  { name = \"pd\"; plugin = \"pagerduty\"; routing_key = \"env:T_KEY\"; },\n  { name = \"pd\"; plugin = \"pagerduty\"; routing_key = \"env:T_KEY\"; } );",
      "t.cfg:3: notifier 'pd' is defined twice; first at t.cfg:2" },
};

static const struct row policy_rows[] = {
    { "policies = ( );",
      "t.cfg:1: there is no policy, so no alert would page anybody: expected policies = ( { name = \"...\"; steps = ( ... ); } )" },
    { "",
      "t.cfg: there is no policy, so no alert would page anybody: expected policies = ( { name = \"...\"; steps = ( ... ); } )" },
    { "policies = 1;",
      "t.cfg:1: 'policies' of the configuration: expected a list of groups, such as ( { ... }, { ... } )" },
    { "policies = ( { name = \"p\"; } );",
      "t.cfg:1: policy 'p' has no steps, expected 1 to 100: steps = ( { after = \"0s\"; notify = [ ... ]; } )" },
    { "policies = ( { name = \"p\"; steps = ( ); } );",
      "t.cfg:1: policy 'p' has no steps, expected 1 to 100: steps = ( { after = \"0s\"; notify = [ ... ]; } )" },
    { "policies = ( { name = \"p\"; steps = [ 1 ]; } );",
      "t.cfg:1: 'steps' of policy 'p': expected a list of groups, such as ( { ... }, { ... } )" },
    { "policies = ( { steps = ( { notify = \"pd\"; } ); } );",
      "t.cfg:1: 'name' of policy 1 is missing, expected text in quotes: letters, digits, - and _" },
    { "policies = ( { name = \"p\"; steps = ( { after = \"0s\"; } ); } );",
      "t.cfg:1: 'notify' of step 1 of policy 'p' is missing, expected a list of texts, such as [ \"a\", \"b\" ]: notifiers" },
    { "policies = ( { name = \"p\"; steps = ( { notify = [ ]; } ); } );",
      "t.cfg:1: 'notify' of step 1 of policy 'p' is empty, expected at least one notifier" },
    { "policies = ( { name = \"p\"; steps = ( { notify = [ \"pdd\" ]; } ); } );",
      "t.cfg:1: 'notify' of step 1 of policy 'p': unknown notifier 'pdd'; did you mean 'pd'?" },
    { "policies = ( { name = \"p\"; steps = ( { notify = [ \"pd\", \"pd\" ]; } ); } );",
      "t.cfg:1: 'notify' of step 1 of policy 'p' names 'pd' twice" },
    { "policies = ( { name = \"p\"; steps = ( { notfy = [ \"pd\" ]; notify = \"pd\"; } ); } );",
      "t.cfg:1: unknown option 'notfy' in step 1 of policy 'p'; did you mean 'notify'?" },
    { "policies = ( { name = \"p\"; steps = (\n  { after = \"5m\"; notify = \"pd\"; },\n  { after = \"5m\"; notify = \"pd\"; } ); } );",
      "t.cfg:3: 'after' of step 2 of policy 'p' is 5m, expected more than the 5m of the step before" },
    { "policies = ( { name = \"p\"; steps = (\n  { after = \"5m\"; notify = \"pd\"; },\n  { notify = \"pd\"; } ); } );",
      "t.cfg:3: 'after' of step 2 of policy 'p' is 0s, expected more than the 5m of the step before" },
    { "policies = ( { name = \"p\"; steps = ( { after = 5; notify = \"pd\"; } ); } );",
      "t.cfg:1: 'after' of step 1 of policy 'p': found 5, expected a duration with a unit, such as \"30s\" or \"5m\", from 0s to 30d" },
    { "policies = ( { name = \"p\"; loops = -1; steps = ( { notify = \"pd\"; } ); } );",
      "t.cfg:1: 'loops' of policy 'p': found -1, expected a whole number from 0 to 1000, or \"for ever\"" },
    { "policies = ( { name = \"p\"; loops = \"forever\"; steps = ( { notify = \"pd\"; } ); } );",
      "t.cfg:1: 'loops' of policy 'p': found 'forever', expected a whole number from 0 to 1000, or \"for ever\"" },
    { "policies = ( { name = \"p\"; on_unack = \"resum\"; steps = ( { notify = \"pd\"; } ); } );",
      "t.cfg:1: 'on_unack' of policy 'p': found 'resum', expected 'resume' or 'restart'; did you mean 'resume'?" },
    { "policies = ( { name = \"p\"; failover_after = \"0s\"; steps = ( { notify = \"pd\"; } ); } );",
      "t.cfg:1: 'failover_after' of policy 'p': found '0s', expected a duration with a unit, such as \"30s\" or \"5m\", from 1s to 1d" },
    { "policies = ( { name = \"p\"; last_wait = \"1ms\"; steps = ( { notify = \"pd\"; } ); } );",
      "t.cfg:1: 'last_wait' of policy 'p': found '1ms', expected a duration with a unit, such as \"30s\" or \"5m\", from 1s to 30d" },
    { "policies = ( { name = \"p\"; ack_timeout = \"-1h\"; steps = ( { notify = \"pd\"; } ); } );",
      "t.cfg:1: 'ack_timeout' of policy 'p': found '-1h', expected a duration with a unit, such as \"30s\" or \"5m\", from 0s to 30d" },
    { "policies = ( { name = \"p\"; last_resort = [ \"dp\" ]; steps = ( { notify = \"pd\"; } ); } );",
      "t.cfg:1: 'last_resort' of policy 'p': unknown notifier 'dp'; did you mean 'pd'?" },
    { "policies = ( { name = \"p\"; last_resort = 1; steps = ( { notify = \"pd\"; } ); } );",
      "t.cfg:1: 'last_resort' of policy 'p': found 1, expected a list of texts, such as [ \"a\", \"b\" ]" },
    { "policies = ( { name = \"p\"; repeat = 1; steps = ( { notify = \"pd\"; } ); } );",
      "t.cfg:1: unknown option 'repeat' in policy 'p'" },
    { "policies = (\n  { name = \"p\"; steps = ( { notify = \"pd\"; } ); },\n  { name = \"p\"; steps = ( { notify = \"pd\"; } ); } ); default_policy = \"p\";",
      "t.cfg:3: policy 'p' is defined twice" },
    { "policies = ( { name = \"p\"; steps = ( { notify = \"pd\"; } ); }, { name = \"q\"; steps = ( { notify = \"pd\"; } ); } );",
      "t.cfg: 'default_policy' is missing: there are 2 policies, expected the name of the one for alerts that no rule routes" },
    { "policies = ( { name = \"ml-oncall\"; steps = ( { notify = \"pd\"; } ); } );\ndefault_policy = \"ml-oncal\";",
      "t.cfg:2: 'default_policy' of the configuration: unknown policy 'ml-oncal'; did you mean 'ml-oncall'?" },
    { "policies = ( { name = \"p\"; steps = ( { notify = \"pd\"; } ); } );\ndefault_policy = 1;",
      "t.cfg:2: 'default_policy' of the configuration: expected the name of a policy, in quotes" },
};

static const struct row rule_rows[] = {
    { "rules = (",
      "rules/r.cfg:1: syntax error" },
    { "rule = ( );",
      "rules/r.cfg:1: unknown option 'rule' in a rule file; did you mean 'rules'?" },
    { "rules = { };",
      "rules/r.cfg:1: 'rules' of a rule file: expected a list of groups, such as ( { ... }, { ... } )" },
    { "rules = ( { match = \"a = b\"; } );",
      "rules/r.cfg:1: 'name' of rule 1 is missing, expected text in quotes: unique; stands in explanations" },
    { "rules = ( { name = \"r\"; enrich = [ \"x\" ]; } );",
      "rules/r.cfg:1: unknown option 'enrich' in rule 'r'" },
    { "rules = ( { name = \"r\"; supress = true; } );",
      "rules/r.cfg:1: unknown option 'supress' in rule 'r'; did you mean 'suppress'?" },
    { "rules = ( { name = \"r\"; suppress = \"true\"; } );",
      "rules/r.cfg:1: 'suppress' of rule 'r': found 'true', expected true or false" },
    { "rules = ( { name = \"r\"; match = 5; } );",
      "rules/r.cfg:1: 'match' of rule 'r': expected a matcher such as \"host = web-1\", a list of them, or a list of such lists" },
    { "rules = ( { name = \"r\"; match = [ ]; } );",
      "rules/r.cfg:1: 'match' of rule 'r': expected a matcher such as \"host = web-1\", a list of them, or a list of such lists" },
    { "rules = ( { name = \"r\"; match = ( ( \"a = b\" ), ( 5 ) ); } );",
      "rules/r.cfg:1: 'match' of rule 'r': expected a matcher such as \"host = web-1\", a list of them, or a list of such lists" },
    { "rules = ( { name = \"r\"; match = { a = \"b\"; }; } );",
      "rules/r.cfg:1: 'match' of rule 'r': expected a matcher such as \"host = web-1\", a list of them, or a list of such lists" },
    { "rules = (\n  { name = \"r\";\n    match = \"host =~ (\"; } );",
      "rules/r.cfg:2: matcher 'host =~ (': missing )" },
    { "rules = ( { name = \"r\"; set = [ \"a\" ]; } );",
      "rules/r.cfg:1: 'set' of rule 'r': expected a group such as { severity = \"critical\"; }" },
    { "rules = ( { name = \"r\"; set = { a = [ \"b\" ]; }; } );",
      "rules/r.cfg:1: 'set.a' of rule 'r': expected text, a number, true or false" },
    { "rules = ( { name = \"r\"; policy = \"pp\"; } );",
      "rules/r.cfg:1: 'policy' of rule 'r': unknown policy 'pp'" },
    { "rules = ( { name = \"r\"; policy = 1; } );",
      "rules/r.cfg:1: 'policy' of rule 'r': expected the name of a policy, in quotes" },
    { "rules = ( { name = \"r\"; notify = \"dp\"; } );",
      "rules/r.cfg:1: 'notify' of rule 'r': unknown notifier 'dp'; did you mean 'pd'?" },
    { "rules = ( { name = \"r\"; unset = 1; } );",
      "rules/r.cfg:1: 'unset' of rule 'r': found 1, expected a list of texts, such as [ \"a\", \"b\" ]" },
    { "rules = ( { name = \"r\"; group_by = [ 1 ]; } );",
      "rules/r.cfg:1: 'group_by' of rule 'r': item 1 is not text, expected a list of texts, such as [ \"a\", \"b\" ]" },
    { "rules = ( { name = \"r\"; dedup_key = 1; } );",
      "rules/r.cfg:1: 'dedup_key' of rule 'r': found 1, expected text in quotes" },
    { "rules = (\n  { name = \"r\"; },\n  { name = \"r\"; } );",
      "rules/r.cfg:3: rule 'r' is defined twice; before at rules/r.cfg:2" },
};

static unsigned wrong;

static void
expect(const char *file, const struct row *row)
{
    struct conf_report report;
    struct conf *c = conf_load(file, "plugins", &report);
    char *said = mistakes_of(&report);

    if (c != NULL || strcmp(said, row->expected) != 0) {
        print_error("%s\n  expected: %s\n  said:     %s\n", row->text, row->expected, said);
        wrong++;
    }
    assert_int_equal(report.total, report.n);
    free(said);
    conf_unref(c);
    conf_report_release(&report);
    assert_int_equal(instances_open, 0);      /* a refused configuration leaves nothing open */
}

static void
expect_all(const struct row *rows, size_t n, const char *before, const char *after)
{
    wrong = 0;
    for (size_t i = 0; i < n; i++) {
        char *text = xasprintf("%s%s %s\n", before, rows[i].text, after);

        write_file("t.cfg", text);
        free(text);
        expect("t.cfg", &rows[i]);
    }
    assert_int_equal(wrong, 0);
}

static void
test_whole(void **state)
{
    (void)state;
    expect_all(whole_rows, COUNT(whole_rows), "", NOTIFIERS POLICIES);
}

static void
test_notifiers(void **state)
{
    (void)state;
    expect_all(notifier_rows, COUNT(notifier_rows), "", POLICIES);
}

static void
test_policies(void **state)
{
    (void)state;
    expect_all(policy_rows, COUNT(policy_rows), NOTIFIERS, "");
}

static void
test_rules(void **state)
{
    (void)state;
    wrong = 0;
    write_file("t.cfg", NOTIFIERS POLICIES "rules = \"rules\";");
    for (size_t i = 0; i < COUNT(rule_rows); i++) {
        write_file("rules/r.cfg", rule_rows[i].text);
        expect("t.cfg", &rule_rows[i]);
    }
    assert_int_equal(wrong, 0);
}

static int
setup(void **state)
{
    if (enter_folder(state) != 0 || mkdir("rules", 0755) != 0)
        return -1;
    setenv("T_KEY", "k3y-of-the-test", 1);
    setenv("T_TOKEN", "t0ken-of-the-test", 1);
    setenv("T_BASIC", "user:passw0rd", 1);
    setenv("T_EMPTY", "\n", 1);
    unsetenv("T_NOT_SET");
    unsetenv("CREDENTIALS_DIRECTORY");
    write_file("secret.txt", "no certificate\n");
    write_file("key.txt", "k3y-of-the-test\n");
    write_file("empty.txt", "\n");
    write_file("broken.jq", "broken");
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_notifiers),
        cmocka_unit_test(test_policies),
        cmocka_unit_test(test_rules),
    };

    return cmocka_run_group_tests(tests, setup, leave_folder);
}
