"""`greyline bench load`: many sessions of our own from one process."""
import json
import signal

from .greyline import PASSWORD, USER, password_file


class Load:
    """A load, dialling. `options` are those of the command beside server, user and password."""

    def __init__(self, lab, namespace, program, *options, server='10.7.0.1', user=USER,
                 password=PASSWORD, before=()):
        self.process = namespace.start(
            *before, program, 'bench', 'load', '--server', server, '--user', user,
            '--password-file', password_file(lab, f'password-{namespace.name}', password),
            '--json', *options, name='greyline bench load')

    def up(self, count, timeout=60):
        """Waits until all logins are over and `count` of them are up."""
        self.process.wait_for(rf'^{count} of \d+ sessions up$', timeout)

    def measured(self, timeout=60):
        """With --stay: waits until everything is measured."""
        self.process.wait_for(r'^Measured; ', timeout)

    def end(self, timeout=60):
        """Waits for its end; returns the exit status and what it found."""
        code = self.process.wait(timeout)
        text = self.process.text
        found = json.loads(text[text.index('\n{\n' if '\n{\n' in text else '{\n'):])
        assert found['exit-code'] == code
        return code, found

    def stop(self, number=signal.SIGTERM):
        self.process.kill(number)
        return self.end(10)
