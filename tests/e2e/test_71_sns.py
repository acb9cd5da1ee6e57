# SPDX-License-Identifier: Apache-2.0
"""Signed messages of SNS: real RSA signatures, and a certificate that the daemon fetches over https from "SNS" itself.

The daemon reaches sns.eu-west-1.amazonaws.com through a proxy of the test, which leads every CONNECT to the test's server.
"""
import base64
import datetime
import http.server
import json
import os
import socket
import ssl
import subprocess
import threading

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

HERE = os.path.dirname(os.path.abspath(__file__))
HOST = "sns.eu-west-1.amazonaws.com"
TOPIC = "arn:aws:sns:eu-west-1:111122223333:alarms"
CERT = f"https://{HOST}/SimpleNotificationService-0123456789abcdef.pem"


class Sns:
    def __init__(self, certificates):
        self.fetched, self.asked = [], []
        cert, key = certificates.issue("tls", HOST)
        signer = os.path.join(certificates.folder, "sns")
        certificates._openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={HOST}", "-keyout", signer + ".key",
                              "-out", signer + ".csr")
        certificates._openssl("x509", "-req", "-in", signer + ".csr", "-CA", certificates.ca, "-CAkey", certificates._path("ca.key"),
                              "-CAcreateserial", "-days", "2", "-out", signer + ".pem")
        with open(signer + ".pem", "rb") as f:
            self.pem = f.read()
        with open(signer + ".key", "rb") as f:
            self.key = serialization.load_pem_private_key(f.read(), None)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        sns = self

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                sns.fetched.append(self.path)
                self.send_response(200)
                self.send_header("Content-Length", str(len(sns.pem)))
                self.end_headers()
                self.wfile.write(sns.pem)

            def do_CONNECT(self):
                sns.asked.append(self.path)
                self.send_response(200)
                self.end_headers()
                inner = context.wrap_socket(self.connection, server_side=True)
                Answer(inner, self.client_address, self.server)
                self.close_connection = True

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def proxy(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def message(self, state, version="2", age_s=0, at_s=None, topic=TOPIC, url=CERT):
        now = datetime.datetime.now(datetime.timezone.utc)
        changed = now - datetime.timedelta(seconds=age_s if at_s is None else at_s)
        inner = {"AlarmName": "cpu", "AlarmArn": "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:cpu",
                 "AWSAccountId": "111122223333", "NewStateValue": state, "OldStateValue": "OK", "Region": "EU (Ireland)",
                 "NewStateReason": "test", "StateChangeTime": changed.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000",
                 "Trigger": {"MetricName": "CPUUtilization", "Namespace": "AWS/EC2", "Dimensions": []}}
        sent = (now - datetime.timedelta(seconds=age_s)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        doc = {"Type": "Notification", "MessageId": "0b5c1f2e-0000-5000-8000-000000000001", "TopicArn": topic,
               "Subject": "ALARM: cpu", "Message": json.dumps(inner), "Timestamp": sent}
        text = "".join(f"{k}\n{doc[k]}\n" for k in ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"))
        digest = hashes.SHA1() if version == "1" else hashes.SHA256()
        signature = self.key.sign(text.encode(), padding.PKCS1v15(), digest)
        return {**doc, "SignatureVersion": version, "Signature": base64.b64encode(signature).decode(), "SigningCertURL": url}


@pytest.fixture
def sns(certificates):
    s = Sns(certificates)
    yield s
    s.close()


@pytest.fixture
def target(tocsin, settings, certificates, sns, tmp_path):
    shim = str(tmp_path / "curl_shim.so")
    subprocess.run(["cc", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", shim, os.path.join(HERE, "curl_shim.c"), "-ldl"], check=True)
    values = settings()
    values["collectors"].append({"name": "cloud", "type": "webhook", "format": "aws-sns", "auth": "signature",
                                 "topic_arns": [TOPIC], "require_chain": True})
    return tocsin(values, env={"LD_PRELOAD": shim, "CURL_SHIM": certificates.ca, "SSL_CERT_FILE": certificates.ca,
                               "https_proxy": sns.proxy, "no_proxy": "127.0.0.1,localhost",
                               "ASAN_OPTIONS": "verify_asan_link_order=0"})


def post(t, message):
    return t.request("POST", "/v1/in/cloud", message, {"x-amz-sns-message-type": "Notification",
                                                        "Content-Type": "text/plain; charset=UTF-8"})


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_good_signature_fires_and_resolves(target, sns, version):
    assert post(target, sns.message("ALARM", version, age_s=2)).status == 202
    incident, = target.incidents("state=open")
    assert post(target, sns.message("OK", version)).status == 202
    target.wait_state(incident["id"], "resolved")
    assert sns.asked == [f"{HOST}:443"] and len(sns.fetched) == 1, "fetched once, then kept"


def refused(sns):
    other = sns.message("ALARM")
    yield "another message", 401, {**other, "Message": other["Message"].replace("cpu", "mem")}, "Signature"
    yield "another subject", 401, {**other, "Subject": "OK: cpu"}, "Signature"
    yield "another time", 401, {**other, "Timestamp": sns.message("ALARM", age_s=9)["Timestamp"]}, "Signature"
    yield "of the other version", 401, {**other, "SignatureVersion": "1"}, "Signature"
    yield "an unknown version", 401, {**other, "SignatureVersion": "3"}, "SignatureVersion"
    yield "no signature", 401, {k: v for k, v in other.items() if k != "Signature"}, "Signature"
    yield "two hours old", 401, sns.message("ALARM", age_s=7200), "Timestamp"
    yield "of another topic", 403, sns.message("ALARM", topic=TOPIC + "-2"), "TopicArn"
    for url in ("https://evil.example/SimpleNotificationService-1.pem", f"https://{HOST}.evil.example/a.pem",
                f"http://{HOST}/a.pem", f"https://evil@{HOST}:8443/a.pem", f"https://{HOST}/../a.pem"):
        yield url, 401, sns.message("ALARM", url=url), "SigningCertURL"


def test_what_is_refused_has_no_effect(target, sns):
    for what, status, message, where in refused(sns):
        answer = post(target, message)
        assert answer.status == status and where in answer.json["where"], (what, answer)
        assert target.incidents() == [] and target.alerts() == [], what
    assert set(sns.asked) <= {f"{HOST}:443"}, "nothing was fetched from elsewhere"
    assert post(target, sns.message("ALARM")).status == 202 and len(target.incidents()) == 1, "others are served"


def test_an_ok_sent_again_does_not_end_a_later_alarm(target, sns):
    assert post(target, sns.message("ALARM", age_s=60)).status == 202
    captured = sns.message("OK", age_s=40)
    assert post(target, captured).status == 202
    assert [i["state"] for i in target.incidents()] == ["resolved"]
    assert post(target, sns.message("ALARM", age_s=20)).status == 202
    incident, = target.incidents("state=open")
    assert post(target, captured).status == 202
    assert [i["id"] for i in target.incidents("state=open")] == [incident["id"]]
    assert post(target, sns.message("OK")).status == 202
    target.wait_state(incident["id"], "resolved")
