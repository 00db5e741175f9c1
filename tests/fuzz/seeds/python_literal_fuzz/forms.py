"""d""" 'e' "\x41\u00e4\101"
# coding: latin-1
from x import (a, revision as b)
x = f"{d["k"]} {{ {y!r:>{w}}}"; revision: str = ('a' 'b') + "c"
down_revision = depends_on = ["x", r'\y'] ; branch_labels = {'z',}
if x:
  def f(): revision = 1
  depends_on = None
revision += "a"
