# SPDX-License-Identifier: Apache-2.0
"""Installed by Helm instead of from manifests/."""

import harness
import install
import kubectl
import migration as m
from harness import case, expect
from scripts import chain

NAMESPACE = "e2e-stillhead-helm"
CRD = "databasemigrations.stillhead.dev"


@case("the chart installs an operator that migrates, in all namespaces or in one, and spares the "
      "resources when it goes", limit=300, alone=True)
def _(t):
    install.remove_manifests()
    harness.create_namespace(NAMESPACE)
    t.setting.operator = t.operator = install.with_helm(NAMESPACE, t.images)
    database = t.database()
    orders = t.migrate(m.inline(chain("a1")))
    orders.wait_ready()
    expect(database.versions(), ["a1"], "version table")

    t.operator = install.with_helm(NAMESPACE, t.images, f"watchNamespace={t.namespace}")
    orders.change(source=m.inline(chain("a1", "b2")))
    orders.wait_ready(2)
    expect(database.applied(), ["a1", "b2"], "revisions that ran")
    who = f"system:serviceaccount:{NAMESPACE}:{t.operator.service_account}"
    for namespace, wanted in ((t.namespace, "yes"), ("default", "no")):
        answer = kubectl.kubectl("auth", "can-i", "list", m.PLURAL, f"--as={who}", "-n", namespace, check=False)
        expect(answer.stdout.strip(), wanted, f"list {m.PLURAL} in {namespace}")

    install.remove_helm(NAMESPACE)
    expect(t.kubectl("get", m.PLURAL, "-o", "name"), "databasemigration.stillhead.dev/orders\n", "what stays")
    orders.delete()
    orders.wait_gone()
    kubectl.kubectl("delete", "crd", CRD, "--timeout=60s")
