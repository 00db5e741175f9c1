#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/demo as it is, with the real engine, in a folder where everything that needs a cluster is a stand-in.

    tests/tools/demo_test.py PROGRAM
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path()
PATIENCE = 60

# `kubectl wait` stays until it is interrupted; everything else succeeds at once.
KUBECTL = """#!/usr/bin/env bash
[[ $1 != wait ]] || { : >"$ROOT_OF_TEST/waiting"; exec sleep 600; }
"""
CMAKE = """#!/usr/bin/env bash
mkdir -p build/release && ln -sfn "$PROGRAM_OF_TEST" build/release/stillhead
"""
NOTHING = "#!/usr/bin/env bash\n"


class DemoTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = Path(self.folder.name)
        (self.root / 'manifests').symlink_to(ROOT / 'manifests')
        (self.root / 'tools').mkdir()
        shutil.copy(ROOT / 'tools/demo', self.root / 'tools/demo')
        self.program('tools/install_dependencies.sh', NOTHING)
        self.program('tools/deploy', NOTHING)
        self.program('tests/cluster/up', NOTHING)
        self.program('tests/cluster/image', '#!/usr/bin/env bash\necho image@sha256:0\n')
        self.program('bin/kubectl', KUBECTL)
        self.program('bin/cmake', CMAKE)

    def program(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding='utf-8')
        path.chmod(0o755)

    def start(self, **variables):
        environment = {'PATH': f'{self.root}/bin:{os.environ["PATH"]}', 'HOME': str(self.root),
                       'ROOT_OF_TEST': str(self.root), 'PROGRAM_OF_TEST': str(PROGRAM), **variables}
        demo = subprocess.Popen(['tools/demo'], cwd=self.root, env=environment, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, start_new_session=True)
        self.addCleanup(self.end, demo)
        return demo

    @staticmethod
    def end(demo):
        if demo.poll() is None:
            os.killpg(demo.pid, signal.SIGKILL)
        demo.communicate()

    def wait_for(self, name, demo):
        deadline = time.monotonic() + PATIENCE
        while not (self.root / name).exists():
            self.assertIsNone(demo.poll(), 'the demo ended early')
            self.assertLess(time.monotonic(), deadline, f'in vain waited for {name}')
            time.sleep(0.02)

    def test_an_interruption_while_it_waits_is_no_failure(self):
        for variables, left in (({}, 'the cluster is still up: make demo-down stops it'),
                                ({'CLUSTER': 'existing'}, 'what the demo made is still there: '
                                                          'CLUSTER=existing make demo-down removes it')):
            (self.root / 'waiting').unlink(missing_ok=True)
            demo = self.start(**variables)
            self.wait_for('waiting', demo)
            os.killpg(demo.pid, signal.SIGINT)  # as a terminal does it
            _, errors = demo.communicate(timeout=PATIENCE)
            self.assertTrue(errors.endswith(f'\n\ninterrupted; {left}\n'), errors)
            self.assertNotIn('error: ', errors)
            self.assertEqual(demo.returncode, 130)

    def test_an_interruption_before_the_cluster_says_nothing_of_one(self):
        self.program('tools/install_dependencies.sh',
                     '#!/usr/bin/env bash\n: >"$ROOT_OF_TEST/installing"; exec sleep 600\n')
        demo = self.start()
        self.wait_for('installing', demo)
        os.killpg(demo.pid, signal.SIGINT)
        _, errors = demo.communicate(timeout=PATIENCE)
        self.assertEqual(errors, '\ninterrupted\n')

    def test_two_at_once_are_one_too_many(self):
        first = self.start()
        self.wait_for('waiting', first)
        second = self.start()
        _, errors = second.communicate(timeout=PATIENCE)
        self.assertEqual(errors, 'error: another demo is running in this clone (it holds build/demo/lock): '
                                 'wait for it, or end it\n')
        self.assertEqual(second.returncode, 1)
        self.assertIsNone(first.poll(), 'the first goes on')

    def test_what_the_demo_leaves_running_does_not_hold_the_lock(self):
        self.program('tests/cluster/up', '#!/usr/bin/env bash\n[[ ! -f $ROOT_OF_TEST/daemon ]] || exit 0\n'
                                         'sleep 600 >/dev/null 2>&1 &\necho $! >"$ROOT_OF_TEST/daemon"\n')
        first = self.start()
        self.wait_for('waiting', first)
        os.killpg(first.pid, signal.SIGINT)  # what a script starts in the background does not hear it
        first.communicate(timeout=PATIENCE)
        (self.root / 'waiting').unlink()
        second = self.start()
        try:
            self.wait_for('waiting', second)
        finally:
            os.kill(int((self.root / 'daemon').read_text(encoding='utf-8')), signal.SIGKILL)


if __name__ == '__main__':
    PROGRAM = Path(sys.argv.pop(1)).resolve()
    unittest.main()
