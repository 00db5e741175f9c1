// SPDX-License-Identifier: Apache-2.0
#include "operator/kube/config.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <vector>

namespace kube {
namespace {

using namespace std::chrono_literals;
using Environment = std::map<std::string, std::string>;

class ConfigTest : public testing::Test {
 protected:
  ConfigTest() {
    std::string name = (std::filesystem::temp_directory_path() / "config_test.XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    folder_ = name;
  }
  ~ConfigTest() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) const {
    const std::filesystem::path file = std::filesystem::path(folder_) / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::trunc | std::ios::binary) << text;
    return file.string();
  }
  void write_service_account() const {
    write("account/token", "abc\n");
    write("account/ca.crt", "CA");
    write("account/namespace", "shop\n");
  }
  std::string account() const { return folder_ + "/account"; }
  ClusterConfig load(const std::string& kubeconfig, const Environment& environment) const {
    return load_cluster_config(kubeconfig, environment, account());
  }

  std::string folder_;
};

template <typename Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "accepted";
}

std::string kubeconfig(const std::string& cluster, const std::string& user,
                       const std::string& context_more = "") {
  return "apiVersion: v1\nkind: Config\ncurrent-context: here\n"
         "contexts:\n- name: here\n  context: {cluster: c, user: u" +
         context_more + "}\nclusters:\n- name: c\n  cluster: " + cluster +
         "\nusers:\n- name: u\n  user: " + user + "\n";
}

const std::string kCluster = "{server: 'https://h:6443'}";

// ---- service account

TEST_F(ConfigTest, ServiceAccountOfThePod) {
  write_service_account();
  const ClusterConfig config =
      load("", {{"KUBERNETES_SERVICE_HOST", "10.96.0.1"}, {"KUBERNETES_SERVICE_PORT", "6443"}});
  EXPECT_EQ(config.server, "https://10.96.0.1:6443");
  EXPECT_EQ(config.ca_file, account() + "/ca.crt");
  EXPECT_EQ(config.token_file, account() + "/token");
  EXPECT_EQ(config.default_namespace, "shop");
  EXPECT_FALSE(config.insecure_skip_tls_verify);
}

TEST_F(ConfigTest, Ipv6ClusterIsReachedByName) {
  write_service_account();
  const ClusterConfig config = load("", {{"KUBERNETES_SERVICE_HOST", "fd00::1"}});
  EXPECT_EQ(config.server, "https://kubernetes.default.svc:443");
}

TEST_F(ConfigTest, ServiceAccountWithoutCaIsRefused) {
  write_service_account();
  std::filesystem::remove(account() + "/ca.crt");
  EXPECT_EQ(error_of([&] {
              load("", {{"KUBERNETES_SERVICE_HOST", "10.96.0.1"}});
            }),
            "service account: cannot read " + account() +
                "/ca.crt (missing, not allowed, or larger than 4 MiB)");
}

// ---- which source wins

TEST_F(ConfigTest, OptionThenVariableThenPodThenHome) {
  write_service_account();
  const auto file = [&](const std::string& host) {
    return write(host + "/.kube/config", kubeconfig("{server: 'https://" + host + "'}", "{}"));
  };
  const std::string option = file("option");
  const std::string variable = file("variable");
  file("home");
  Environment environment = {{"KUBECONFIG", variable},
                             {"KUBERNETES_SERVICE_HOST", "pod"},
                             {"KUBERNETES_SERVICE_PORT", "1"},
                             {"HOME", folder_ + "/home"}};
  EXPECT_EQ(load(option, environment).server, "https://option");
  EXPECT_EQ(load("", environment).server, "https://variable");
  environment.erase("KUBECONFIG");
  EXPECT_EQ(load("", environment).server, "https://pod:1");
  environment.erase("KUBERNETES_SERVICE_HOST");
  EXPECT_EQ(load("", environment).server, "https://home");
  environment.erase("HOME");
  EXPECT_EQ(error_of([&] { load("", environment); }),
            "no way to the API server: --kubeconfig and KUBECONFIG are not set, this is not a pod "
            "(KUBERNETES_SERVICE_HOST is not set), and there is no ~/.kube/config");
  environment["KUBERNETES_SERVICE_HOST"] = "pod";
  std::filesystem::remove(account() + "/token");
  EXPECT_EQ(
      error_of([&] { load("", environment); }),
      "no way to the API server: --kubeconfig and KUBECONFIG are not set, this pod has no service "
      "account token (" +
          account() + "/token), and there is no ~/.kube/config");
}

TEST_F(ConfigTest, UnreadableKubeconfigIsNamedWithWhereItCameFrom) {
  EXPECT_EQ(error_of([&] { load("/nonexistent", {}); }),
            "--kubeconfig: cannot read /nonexistent (missing, not allowed, or larger than 4 MiB)");
  EXPECT_EQ(error_of([&] {
              load("", {{"KUBECONFIG", folder_}});
            }),
            "KUBECONFIG: cannot read " + folder_ + " (missing, not allowed, or larger than 4 MiB)");
  EXPECT_EQ(error_of([&] {
              load("", {{"KUBECONFIG", "/a:/b"}});
            }),
            "KUBECONFIG: names several files, which are not merged here; name one, or write the "
            "merged one "
            "with `kubectl config view --flatten`");
}

// ---- kubeconfig

TEST_F(ConfigTest, EverythingAKubeconfigCanSay) {
  const std::string text = kubeconfig(
      "{server: 'https://h:6443/base/', certificate-authority-data: Q0EK, tls-server-name: "
      "kubernetes}",
      "{client-certificate-data: Q0VSVA==, client-key-data: S0VZ, token: ' abc '}",
      ", namespace: shop");
  const ClusterConfig config = parse_kubeconfig(text, "/etc/k/config", "");
  EXPECT_EQ(config.server, "https://h:6443/base");
  EXPECT_EQ(config.ca_pem, "CA\n");
  EXPECT_EQ(config.ca_file, "");
  EXPECT_EQ(config.client_certificate_pem, "CERT");
  EXPECT_EQ(config.client_key_pem, "KEY");
  EXPECT_EQ(config.token, "abc");
  EXPECT_EQ(config.tls_server_name, "kubernetes");
  EXPECT_EQ(config.default_namespace, "shop");
}

TEST_F(ConfigTest, FilesAreRelativeToTheKubeconfig) {
  const std::string ca = write("k/pki/ca.crt", "CA");
  write("k/client.crt", "CERT");
  const std::string key = write("other/client.key", "KEY");
  const std::string path = write(
      "k/config",
      kubeconfig("{server: 'https://h', certificate-authority: pki/ca.crt}",
                 "{client-certificate: ./client.crt, client-key: '" + key + "', tokenFile: ../t}"));
  const ClusterConfig config = load(path, {});
  EXPECT_EQ(config.ca_file, ca);
  EXPECT_EQ(config.client_certificate_pem, "CERT");
  EXPECT_EQ(config.client_key_pem, "KEY");
  EXPECT_EQ(config.token_file, folder_ + "/t");
}

TEST_F(ConfigTest, AnotherContextCanBeChosen) {
  const std::string text =
      kubeconfig(kCluster, "{}") + "preferences: {}\nextensions: [{name: x, extension: {}}]\n";
  EXPECT_EQ(parse_kubeconfig(text, "f", "here").server, "https://h:6443");
  EXPECT_EQ(error_of([&] { parse_kubeconfig(text, "f", "there"); }),
            "kubeconfig f: contexts has no entry named \"there\"");
}

TEST_F(ConfigTest, JsonIsYaml) {
  const std::string text =
      R"({"current-context":"a","contexts":[{"name":"a","context":{"cluster":"c"}}],)"
      R"("clusters":[{"name":"c","cluster":{"server":"https://h","insecure-skip-tls-verify":true}}],"users":null})";
  const ClusterConfig config = parse_kubeconfig(text, "f", "");
  EXPECT_EQ(config.server, "https://h");
  EXPECT_TRUE(config.insecure_skip_tls_verify);
}

TEST_F(ConfigTest, EachFaultNamesFileFieldAndCause) {
  struct Case {
    std::string name, text, error;
  };
  const std::string plug_in =
      "is not supported: this program runs no credential plug-ins; use a service account's token "
      "(`token` or "
      "`tokenFile`) or a client certificate, or run `kubectl proxy` and name http://127.0.0.1:8001 "
      "as the server";
  std::string deep = "a: ";
  for (int i = 0; i < 40; ++i) deep += "[";
  for (int i = 0; i < 40; ++i) deep += "]";
  std::string bomb = "a0: &a0 [x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 9; ++j) bomb += before + ", ";
    bomb += before + "]\n";
  }
  const std::vector<Case> cases = {
      {"empty", "", "is not a kubeconfig (a map is expected)"},
      {"list", "- a", "is not a kubeconfig (a map is expected)"},
      {"no YAML", "a: b\nc: [", "line 2 is not YAML: end of sequence flow not found"},
      {"same key twice", "a: 1\nb: 2\na: 3", "line 3: key \"a\" is there twice"},
      {"same key twice inside", "a:\n  x: {b: 1, b: 2}", "line 2: key \"b\" is there twice"},
      {"key is a list", "? [a]\n: b", "line 1: a key is not text"},
      {"deep", deep, "line 1: is nested too deep"},
      {"node in itself", "a: &x [*x]", "line 1: is nested too deep"},
      {"bomb", bomb, "line 1: too many values (aliases that multiply?)"},
      {"no context", "kind: Config",
       "current-context is not set; set it with `kubectl config use-context`"},
      {"context is a list", "current-context: [a]", "current-context is not text"},
      {"no contexts", "current-context: a", "contexts has no entry named \"a\""},
      {"context is no map", "current-context: a\ncontexts: [{name: a, context: x}]",
       "context \"a\" is not a map"},
      {"no cluster", "current-context: a\ncontexts: [{name: a, context: {}}]",
       "context \"a\": cluster is not set"},
      {"unknown cluster", "current-context: a\ncontexts: [{name: a, context: {cluster: c}}]",
       "clusters has no entry named \"c\""},
      {"unknown user",
       "current-context: a\ncontexts: [{name: a, context: {cluster: c, user: v}}]\nclusters: "
       "[{name: c, cluster: {server: 'https://h'}}]",
       "users has no entry named \"v\""},
      {"no server", kubeconfig("{}", "{}"), "cluster \"c\": server is not set"},
      {"server without scheme", kubeconfig("{server: 'h:6443'}", "{}"),
       "cluster \"c\": server: must start with https:// (got \"h:6443\")"},
      {"server in plain http", kubeconfig("{server: 'http://h'}", "{}"),
       "cluster \"c\": server: plain http is possible only to this machine (as `kubectl proxy` "
       "offers it) (got "
       "\"http://h\")"},
      {"server with IPv6", kubeconfig("{server: 'https://[::1]:6443'}", "{}"),
       "cluster \"c\": server: an IPv6 address cannot be used with this program's HTTP library; "
       "name the server "
       "by DNS name (got \"https://[::1]:6443\")"},
      {"server with password", kubeconfig("{server: 'https://u:s3cret@h'}", "{}"),
       "cluster \"c\": server: must not hold a user name or password (got \"...\")"},
      {"server without host", kubeconfig("{server: 'https://:1'}", "{}"),
       "cluster \"c\": server: has no host (got \"https://:1\")"},
      {"server with bad port", kubeconfig("{server: 'https://h:65536'}", "{}"),
       "cluster \"c\": server: has a port that is none (got \"https://h:65536\")"},
      {"server with query", kubeconfig("{server: 'https://h/?a'}", "{}"),
       "cluster \"c\": server: holds characters that do not belong there (got \"https://h/?a\")"},
      {"proxy", kubeconfig("{server: 'https://h', proxy-url: 'http://p'}", "{}"),
       "cluster \"c\": proxy-url is not supported; use a server address that needs no proxy"},
      {"bad base64", kubeconfig("{server: 'https://h', certificate-authority-data: '!'}", "{}"),
       "cluster \"c\": certificate-authority-data is not base64"},
      {"cut base64", kubeconfig("{server: 'https://h', certificate-authority-data: 'Q0EKQ'}", "{}"),
       "cluster \"c\": certificate-authority-data is not base64"},
      {"missing CA", kubeconfig("{server: 'https://h', certificate-authority: /nonexistent}", "{}"),
       "cluster \"c\": certificate-authority: cannot read /nonexistent (missing, not allowed, or "
       "larger than 4 "
       "MiB)"},
      {"CA and no check",
       kubeconfig("{server: 'https://h', certificate-authority-data: Q0EK, "
                  "insecure-skip-tls-verify: true}",
                  "{}"),
       "cluster \"c\": insecure-skip-tls-verify contradicts certificate-authority"},
      {"flag is no flag",
       kubeconfig("{server: 'https://h', insecure-skip-tls-verify: 'yes'}", "{}"),
       "cluster \"c\": insecure-skip-tls-verify must be true or false"},
      {"exec", kubeconfig(kCluster, "{exec: {command: aws}}"), "user \"u\": exec " + plug_in},
      {"auth-provider", kubeconfig(kCluster, "{auth-provider: {name: gcp}}"),
       "user \"u\": auth-provider " + plug_in},
      {"password", kubeconfig(kCluster, "{username: a, password: s3cret}"),
       "user \"u\": username is not supported: Kubernetes has no basic authentication any more"},
      {"impersonation", kubeconfig(kCluster, "{as: admin}"),
       "user \"u\": as is not supported: use credentials of the user itself"},
      {"certificate without key", kubeconfig(kCluster, "{client-certificate-data: Q0EK}"),
       "user \"u\": client-certificate and client-key are needed together"},
      {"token of two lines", kubeconfig(kCluster, "{token: \"s3cret\\nx\"}"),
       "user \"u\": token holds characters that no token has"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const std::string error = error_of([&] { parse_kubeconfig(c.text, "/k/config", ""); });
    EXPECT_EQ(error, "kubeconfig /k/config: " + c.error);
    EXPECT_EQ(error.find("s3cret"), std::string::npos);
  }
  EXPECT_EQ(error_of([&] { parse_kubeconfig(std::string(5u << 20, ' '), "f", ""); }),
            "kubeconfig f: is larger than 4 MiB");
}

TEST_F(ConfigTest, KubectlProxyOnThisMachineNeedsNoTls) {
  for (const std::string server : {"http://127.0.0.1:8001", "http://localhost:8001"})
    EXPECT_EQ(parse_kubeconfig(kubeconfig("{server: '" + server + "'}", "{}"), "f", "").server,
              server);
}

// ---- token

class TokenSourceTest : public ConfigTest {
 protected:
  const TokenSource::Time start_ = TokenSource::Time() + 1h;
};

TEST_F(TokenSourceTest, NoTokenIsAnEmptyOne) { EXPECT_EQ(TokenSource({}).get(start_), ""); }

TEST_F(TokenSourceTest, LiteralTokenStays) {
  TokenSource tokens({.token = "abc"});
  EXPECT_EQ(tokens.get(start_), "abc");
  tokens.forget();
  EXPECT_EQ(tokens.get(start_), "abc");
}

TEST_F(TokenSourceTest, FileWinsIsTrimmedAndReadAgainAfterAMinute) {
  const std::string file = write("token", "\n one \r\n");
  TokenSource tokens({.token = "literal", .token_file = file});
  EXPECT_EQ(tokens.get(start_), "one");
  write("token", "two");
  EXPECT_EQ(tokens.get(start_ + 59s), "one");
  EXPECT_EQ(tokens.get(start_ + 60s), "two");
}

TEST_F(TokenSourceTest, ForgetMakesTheNextCallRead) {
  const std::string file = write("token", "one");
  TokenSource tokens({.token_file = file});
  EXPECT_EQ(tokens.get(start_), "one");
  write("token", "two");
  tokens.forget();
  EXPECT_EQ(tokens.get(start_ + 1s), "two");
}

TEST_F(TokenSourceTest, UnusableFileKeepsTheLastGoodToken) {
  const std::string file = write("token", "good");
  TokenSource tokens({.token_file = file});
  EXPECT_EQ(tokens.get(start_), "good");
  auto now = start_;
  for (const std::string bad : {"", " \n", "two\nlines", "spa ce", "nul\1", "\xC3\xA4"}) {
    write("token", bad);
    EXPECT_EQ(tokens.get(now += 61s), "good");
  }
  std::filesystem::remove(file);
  EXPECT_EQ(tokens.get(now += 61s), "good");
  write("token", "fresh");
  EXPECT_EQ(tokens.get(now += 1s), "fresh") << "after a failure it is tried each time";
}

TEST_F(TokenSourceTest, NeverAGoodTokenIsAnError) {
  TokenSource tokens({.token = "literal", .token_file = "/nonexistent/token"});
  EXPECT_EQ(
      error_of([&] { tokens.get(start_); }),
      "token file /nonexistent/token: cannot be read, or does not hold one token on one line");
}

}  // namespace
}  // namespace kube
