"""Counts what (K)TAP says: nested as KUnit prints it, program after program as
kselftests do, and broken off as it is when a guest dies."""

import re

# A serial log has the kernel's time stamps in front of KUnit's lines.
STAMP = re.compile(r"^\[\s*\d+\.\d+\](?:\[\s*[TC]\d+\])? ?")
RESULT = re.compile(r"^(not )?ok\b\s*(\d+)?\s*-?\s*(.*)$")
PLAN = re.compile(r"^1\.\.(\d+)\s*(?:#\s*(.*))?$")


class Level:
    """The results at one depth of indentation, since the last header."""

    def __init__(self):
        self.plan, self.ran, self.name = None, 0, ""
        self.failed = False     # anything below, for the result that closes it


class Counter:
    """Feed it lines.  report(ok, name, comment) is called for every test, ok is
    None for a skipped one; only innermost results are tests."""

    def __init__(self, report):
        self.report, self.levels, self.seen = report, {}, 0
        self.notes = []

    def emit(self, ok, name, comment=""):
        self.seen += 1
        self.report(ok, name, comment)
        self.notes = []

    def close(self, depth):
        """End the group at this depth.  Returns whether it is fine."""
        for deeper in sorted((d for d in self.levels if d > depth),
                             reverse=True):
            self.close(deeper)
        level = self.levels.pop(depth, None)
        if level is None:
            return True
        name = (level.name + ": " if level.name else "") + "complete"
        if level.plan is None and not level.ran:
            return True
        if level.plan is None:
            self.emit(False, name, "no plan: %d ran, how many should have?"
                      % level.ran)
        elif level.plan > level.ran:
            self.emit(False, name, "ended after %d of %d" % (level.ran,
                                                            level.plan))
        elif level.plan < level.ran:
            self.emit(False, name, "%d ran, planned were %d"
                      % (level.ran, level.plan))
        else:
            return not level.failed
        return False

    def line(self, text):
        text = STAMP.sub("", text.rstrip("\r\n"))
        body = text.lstrip(" ")
        depth = len(text) - len(body)
        if re.match(r"K?TAP version \d+", body):
            self.close(depth)
            self.levels[depth] = Level()
            return
        if body.startswith("Bail out!"):
            self.emit(False, body)
            return
        subtest = re.match(r"# Subtest: (.*)", body)
        if subtest:
            self.levels.setdefault(depth, Level()).name = subtest[1]
            return
        if body.startswith("#"):
            self.notes.append(body)
            return
        plan = PLAN.match(body)
        if plan:
            level = self.levels.setdefault(depth, Level())
            if level.plan is not None:
                # The next program, one that prints no header.
                self.close(depth)
                level = self.levels[depth] = Level()
            level.plan = int(plan[1])
            if not level.plan and "skip" in (plan[2] or "").lower():
                self.emit(None, plan[2])
            return
        result = RESULT.match(body)
        if result:
            self.result(depth, *result.groups())

    def result(self, depth, bad, number, rest):
        name, _, directive = rest.partition("#")
        name, directive = name.strip(), directive.strip()
        below = [d for d in self.levels if d > depth]
        ran = any(self.levels[d].ran or self.levels[d].plan for d in below)
        fine = True
        for deeper in sorted(below, reverse=True):
            fine = self.close(deeper) and fine
        level = self.levels.setdefault(depth, Level())
        level.ran += 1
        if number and int(number) != level.ran:
            self.emit(False, name, "it is number %s, expected was %d"
                      % (number, level.ran))
            level.ran = int(number)
        full = (level.name + ": " if level.name else "") + \
            (name or "test %s" % number)
        skip = directive.lower().startswith("skip")
        if ran:
            # A suite: its tests are counted already.
            if bad and fine and not skip:
                self.emit(False, full, "failed, its parts did not")
        elif skip:
            self.emit(None, full, directive)
        else:
            self.emit(not bad or directive.lower().startswith(
                ("todo", "xfail")), full, directive)
        level.failed |= bool(bad)

    def end(self, name="output"):
        """No more lines.  Silence is no success."""
        for depth in sorted(self.levels, reverse=True):
            self.close(depth)
        if not self.seen:
            self.emit(False, name, "no test ran")
