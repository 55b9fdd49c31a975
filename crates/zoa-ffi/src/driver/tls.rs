//! TLS of a session: what `zookeeper_init_ssl` was told, and one connection's encryption over a socket that never blocks.
//!
//! The files are PEM. It opens no socket. Invariants: a server is believed only if an authority of the caller's has signed its
//! certificate for the name in the list of hosts, which the original does not look at (`ANY_NAME` has it so here, too); what rustls
//! has decrypted and nobody has taken is known (`has_more`), since the socket will not tell of it again.

use std::io;
use std::io::Read;
use std::io::Write;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::net::RecvFlags;
use rustix::net::SendFlags;
use rustls::AlertDescription;
use rustls::CertificateError;
use rustls::ClientConfig;
use rustls::ClientConnection;
use rustls::Error;
use rustls::InvalidMessage;
use rustls::pki_types::ServerName;
use zoa_client_core::Host;
use zoa_client_core::TlsFailure;
use zoa_tls::Identity;

/// The variable of the environment that takes certificates for any name.
const ANY_NAME: &str = "ZOARIUM_TLS_ANY_NAME";

/// How a session speaks TLS.
#[derive(Debug)]
pub(crate) struct Tls {
    config: Arc<ClientConfig>,
}

impl Tls {
    /// From `authorities[,certificate,key[,password]]`, as the original has it.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut files = text.split(',').filter(|file| !file.is_empty());
        let authorities = files.next().map(PathBuf::from);
        let authorities = authorities.ok_or("no file of authorities is named")?;
        let identity = files.next().map(|certificates| Identity {
            certificates: certificates.into(),
            key: files.next().unwrap_or(certificates).into(),
        });
        let checks_name = std::env::var_os(ANY_NAME).is_none_or(|value| value != "1");
        let config = zoa_tls::client_config(&authorities, identity.as_ref(), checks_name);
        let config = Arc::new(config.map_err(|error| error.to_string())?);
        Ok(Self { config })
    }

    /// What speaks it on a new connection to this host.
    pub(super) fn start(&self, host: &Host) -> io::Result<Encryption> {
        let name = ServerName::try_from(host.name.clone())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let connection = ClientConnection::new(Arc::clone(&self.config), name)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        Ok(Encryption {
            connection: Box::new(connection),
            has_more: false,
        })
    }
}

/// What an error says to the core, if it is one of TLS.
pub(super) fn failure_of(error: &io::Error) -> Option<TlsFailure> {
    use CertificateError as Bad;
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    Some(match error {
        Error::InvalidMessage(_) => TlsFailure::NotTls,
        Error::InvalidCertificate(bad) => match bad {
            Bad::UnknownIssuer | Bad::BadSignature => TlsFailure::UnknownAuthority,
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => TlsFailure::WrongName,
            Bad::Expired
            | Bad::NotValidYet
            | Bad::ExpiredContext { .. }
            | Bad::NotValidYetContext { .. } => TlsFailure::WrongTime,
            _ => TlsFailure::BadCertificate,
        },
        Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::HandshakeFailure,
        ) => TlsFailure::ClientRefused,
        _ => TlsFailure::Protocol,
    })
}

/// One connection's encryption.
#[derive(Debug)]
pub(super) struct Encryption {
    connection: Box<ClientConnection>,
    has_more: bool,
}

impl Encryption {
    /// One step of the handshake after another, as far as the socket allows; whether it is done.
    pub(super) fn shake_hands(&mut self, socket: BorrowedFd<'_>) -> io::Result<bool> {
        loop {
            let is_full = self.flush(socket)?;
            if !self.connection.is_handshaking() {
                return Ok(true);
            }
            if is_full || !self.take_in(socket).map_err(of_handshake)? {
                return Ok(false);
            }
        }
    }

    /// Sends what is encrypted; whether the socket has no room for all of it.
    pub(super) fn flush(&mut self, socket: BorrowedFd<'_>) -> io::Result<bool> {
        while self.connection.wants_write() {
            match self.connection.write_tls(&mut Plain(socket)) {
                Ok(_) => {}
                Err(error) if is_later(&error) => return Ok(true),
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Takes bytes to encrypt, as many as it has room for.
    pub(super) fn encrypt(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.connection.writer().write(bytes)
    }

    /// Decrypted bytes; 0 at the end, `WouldBlock` when there are none now.
    pub(super) fn receive(
        &mut self,
        socket: BorrowedFd<'_>,
        buffer: &mut [u8],
    ) -> io::Result<usize> {
        loop {
            let taken = self.connection.reader().read(buffer);
            self.has_more = taken.as_ref().is_ok_and(|len| *len > 0);
            match taken {
                Err(error) if is_later(&error) => {}
                taken => return taken,
            }
            if !self.take_in(socket)? {
                return Err(io::ErrorKind::WouldBlock.into());
            }
        }
    }

    /// Whether there may be decrypted bytes that nobody has taken.
    pub(super) const fn has_more(&self) -> bool {
        self.has_more
    }

    /// Reads what has come and decrypts it; false if nothing has.
    fn take_in(&mut self, socket: BorrowedFd<'_>) -> io::Result<bool> {
        match self.connection.read_tls(&mut Plain(socket)) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) if is_later(&error) => return Ok(false),
            Err(error) => return Err(error),
        }
        let decrypted = self.connection.process_new_packets();
        decrypted.map_err(|error| {
            // The alert that says why: it goes out if it can.
            let _ = self.flush(socket);
            io::Error::new(io::ErrorKind::InvalidData, error)
        })?;
        Ok(true)
    }
}

/// Who closes in the midst of the handshake does not speak TLS: most often a port for clients without it.
fn of_handshake(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => {
            let not_tls = Error::InvalidMessage(InvalidMessage::InvalidContentType);
            io::Error::new(error.kind(), not_tls)
        }
        _ => error,
    }
}

fn is_later(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

/// The socket's own bytes.
struct Plain<'a>(BorrowedFd<'a>);

impl Read for Plain<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (_, len) = rustix::net::recv(self.0, buffer, RecvFlags::empty())?;
        Ok(len)
    }
}

impl Write for Plain<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::net::send(self.0, bytes, SendFlags::NOSIGNAL)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
