"""A certificate authority that lives as long as its test: keys are made when they are needed and
are nowhere in the repository."""
import os
import subprocess

SERVER, CLIENT = 'serverAuth', 'clientAuth'


def _openssl(*words, **more):
    subprocess.run(['openssl', *words], check=True, capture_output=True, **more)


class Authority:
    """`openssl` with a folder of its own. Files are PEM, named after what they hold."""

    def __init__(self, lab, name='ca'):
        self.folder = lab.file(f'certificates-{name}')
        os.mkdir(self.folder)
        self.serial = 0
        self.ca, self._key = self.path('ca.pem'), self._make_key('ca')
        _openssl('req', '-x509', '-new', '-key', self._key, '-subj', f'/CN={name}', '-days', '2',
                 '-out', self.ca)
        self._database = self.path('index.txt')
        with open(self._database, 'w', encoding='ascii'):
            pass
        self._config = self.path('ca.conf')
        with open(self._config, 'w', encoding='ascii') as file:
            file.write(f'[ca]\ndefault_ca = it\n[it]\ndatabase = {self._database}\n'
                       'default_md = sha256\ndefault_crl_days = 2\n')

    def path(self, name):
        return os.path.join(self.folder, name)

    def _make_key(self, name):
        path = self.path(f'{name}.key')
        _openssl('genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', path)
        os.chmod(path, 0o600)
        return path

    def issue(self, name, purpose, days='2', names=None):
        """A certificate of this common name; returns (certificate, key)."""
        safe = name.replace('/', '-').replace('\\\\', '-') + str(self.serial)
        key, certificate = self._make_key(safe), self.path(f'{safe}.pem')
        request, more = self.path(f'{safe}.csr'), self.path(f'{safe}.ext')
        with open(more, 'w', encoding='ascii') as file:
            file.write(f'extendedKeyUsage = {purpose}\nkeyUsage = digitalSignature\n'
                       'basicConstraints = CA:FALSE\n')
            if names:
                file.write(f'subjectAltName = {names}\n')
        _openssl('req', '-new', '-key', key, '-subj', f'/CN={name}', '-out', request)
        self.serial += 1
        _openssl('x509', '-req', '-in', request, '-CA', self.ca, '-CAkey', self._key,
                 '-set_serial', str(0x1000 + self.serial), '-days', days, '-extfile', more,
                 '-out', certificate)
        return certificate, key

    def revoke(self, *certificates):
        """A CRL with these in it."""
        crl = self.path('crl.pem')
        sign = ('-config', self._config, '-keyfile', self._key, '-cert', self.ca)
        for certificate in certificates:
            _openssl('ca', *sign, '-revoke', certificate)
        _openssl('ca', *sign, '-gencrl', '-out', crl)
        return crl
