#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The chart with its default values installs what manifests/ and crds/ install.

Helm itself reads the YAML of both sides (a throw-away chart prints each document as JSON), so that this
needs nothing but Helm: $HELM, or the one that tests/cluster/build makes, or the one in PATH.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAMESPACE = 'stillhead-system'
SERVER_VERSION = '1.34.0'  # for charts that ask; nothing is connected to
MANIFESTS = ['crds/databasemigrations.yaml', 'manifests/rbac.yaml', 'manifests/operator.yaml']
# Written by Helm's conventions alone, and what follows from uninstalling with Helm.
HELM_ONLY = {'app.kubernetes.io/instance', 'app.kubernetes.io/version', 'app.kubernetes.io/managed-by',
             'helm.sh/chart', 'helm.sh/resource-policy'}


def find_helm():
    candidates = [os.environ.get('HELM'), ROOT / 'build/cluster/bin/helm', shutil.which('helm')]
    for candidate in candidates:
        if candidate and os.access(candidate, os.X_OK):
            return str(candidate)
    sys.exit('no Helm: run tests/cluster/build, or set HELM to the program')


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f'{" ".join(command)}: {done.stderr.strip()}')
    return done.stdout


def documents(text):
    parts = ('\n' + text).split('\n---')
    return [part for part in parts
            if any(line.strip() and not line.lstrip().startswith('#') for line in part.splitlines())]


def parse(helm, texts):
    """YAML documents -> values, by way of a chart that holds them as files."""
    with tempfile.TemporaryDirectory() as folder:
        chart = pathlib.Path(folder, 'reader')
        (chart / 'templates').mkdir(parents=True)
        (chart / 'documents').mkdir()
        (chart / 'Chart.yaml').write_text('{apiVersion: v2, name: reader, version: 0.0.0}\n')
        for number, text in enumerate(texts):
            (chart / 'documents' / f'{number:04}').write_text(text)
        (chart / 'templates' / 'all.yaml').write_text(
            '{{ range $path, $_ := .Files.Glob "documents/*" }}'
            '\n---\njson: {{ $.Files.Get $path | fromYaml | toJson | quote }}{{ end }}\n')
        printed = run(helm, 'template', 'reader', str(chart))
    lines = [line[len('json: '):] for line in printed.splitlines() if line.startswith('json: ')]
    return [json.loads(json.loads(line)) for line in lines]


def without_helm_only(value):
    if isinstance(value, dict):
        cleaned = {k: without_helm_only(v) for k, v in value.items() if k not in HELM_ONLY}
        if cleaned.get('annotations') == {}:
            del cleaned['annotations']
        return cleaned
    return [without_helm_only(item) for item in value] if isinstance(value, list) else value


def by_name(objects):
    return {f'{o["kind"]} {o["metadata"]["name"]}': without_helm_only(o) for o in objects}


def differences(path, manifest, chart):
    if isinstance(manifest, dict) and isinstance(chart, dict):
        for key in sorted(manifest.keys() | chart.keys()):
            yield from differences(f'{path}.{key}', manifest.get(key), chart.get(key))
    elif manifest != chart:
        yield f'{path}: manifests have {json.dumps(manifest)}, the chart has {json.dumps(chart)}'


def main():
    helm = find_helm()
    rendered = run(helm, 'template', 'stillhead', str(ROOT / 'charts/stillhead'), '--namespace', NAMESPACE,
                   '--kube-version', SERVER_VERSION)
    manifest_texts = [d for name in MANIFESTS for d in documents((ROOT / name).read_text())]
    manifests = by_name(parse(helm, manifest_texts))
    chart = by_name(parse(helm, documents(rendered)))
    if len(manifests) < 5:
        sys.exit(f'read only {sorted(manifests)} from the manifests: this test is broken')
    found = [line for name in sorted(manifests.keys() | chart.keys())
             for line in differences(name, manifests.get(name), chart.get(name))]
    for line in found:
        print(line)
    print(f'{len(manifests)} objects compared, {len(found)} differences')
    sys.exit(1 if found else 0)


if __name__ == '__main__':
    main()
