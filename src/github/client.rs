//! Makes calls: finds the installation and the token, waits for the caller's turn, and judges the
//! answer.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use reqwest::header::ETAG;
use serde::Deserialize;
use tokio::sync::OnceCell;

use crate::domain::github::hook::Hook;
use crate::domain::github::{Credentials, GitHubAccess, clock};
use crate::domain::ids::{InstallationId, RepositoryId, Timestamp};
use crate::domain::report::fault::{GitHubFault, GitHubFaultKind};
use crate::domain::secret::Secret;
use crate::ports::{Clock, Place};

use crate::github::bounded::Bounded;
use crate::github::call::{Call, in_repository};
use crate::github::call_queues::{CallQueue, CallQueues, Caller, limited};
use crate::github::date::http_date;
use crate::github::etags::Etags;
use crate::github::fault::{self, Failed};
use crate::github::file_cache::FileCache;
use crate::github::jwt;
use crate::github::limits;
use crate::github::measured::measured;
use crate::github::tokens::{Purpose, Scope, Token, Tokens, usable};
use crate::github::transport::{Answer, Request, Transport};

/// The most repositories whose installation is remembered.
const INSTALLATIONS: usize = 10_000;

/// How fast calls may be, and how long they may take.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// The time between two mutations of an installation. One second is recommended.
    pub mutation_gap: Duration,
    /// The time limit of a request with its redirects, once it is its turn.
    pub call_timeout: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            mutation_gap: Duration::from_secs(1),
            call_timeout: Duration::from_secs(10),
        }
    }
}

/// The error of an HTTP client that cannot be created.
#[derive(Debug, thiserror::Error)]
#[error(
    "the HTTP client for GitHub cannot be created: {0}; check the machine's certificates and the proxy variables"
)]
pub struct NoClient(reqwest::Error);

/// The client of GitHub's REST API.
pub struct GitHubClient<C> {
    pub(super) credentials: Credentials,
    pub(super) clock: C,
    pub(super) hooks: Vec<Hook>,
    transport: Transport,
    queues: CallQueues,
    tokens: Tokens,
    /// The installations that GitHub was asked for.
    installations: Bounded<RepositoryId, InstallationId>,
    etags: Etags,
    /// The files that were read.
    pub(super) files: FileCache,
    /// The number of the App or of the token's owner.
    pub(super) own_id: OnceCell<u64>,
    /// The milliseconds by which this machine's clock is ahead, once a sign-in was refused for it.
    clock_ahead_ms: AtomicI64,
}

#[derive(Deserialize)]
struct Id {
    id: u64,
}

impl<C: Clock> GitHubClient<C> {
    /// Creates a client. Calls nobody.
    ///
    /// # Errors
    /// [`NoClient`].
    pub fn new(access: GitHubAccess, clock: C, timing: Timing) -> Result<Self, NoClient> {
        Ok(Self {
            credentials: access.credentials,
            hooks: access.hooks,
            clock,
            transport: Transport::new(&access.api, timing.call_timeout).map_err(NoClient)?,
            queues: CallQueues::new(timing.mutation_gap),
            tokens: Tokens::new(),
            installations: Bounded::new(INSTALLATIONS),
            etags: Etags::new(),
            files: FileCache::new(),
            own_id: OnceCell::new(),
            clock_ahead_ms: AtomicI64::new(0),
        })
    }

    /// Makes a call in a repository, with a token that may do this and nothing else.
    ///
    /// If cancelled or failed: the call may have taken effect.
    pub(super) async fn at(
        &self,
        place: &Place,
        scope: Scope,
        call: &Call,
    ) -> Result<Answer, Failed> {
        let answer = self.in_place(place, scope, call).await;
        answer.map_err(|failed| failed.needing(scope.permission()))
    }

    async fn in_place(&self, place: &Place, scope: Scope, call: &Call) -> Result<Answer, Failed> {
        if let Credentials::Token(token) = &self.credentials {
            return self.exchange(Caller::Token, token, call).await;
        }
        let (installation, token) = self.token(place, scope, None).await?;
        let caller = Caller::Installation(installation);
        match self.exchange(caller, &token, call).await {
            // The token was revoked, or its installation was changed.
            Err(failed) if failed.status == Some(401) => {
                let (installation, token) = self.token(place, scope, Some(&token)).await?;
                let caller = Caller::Installation(installation);
                self.exchange(caller, &token, call).await
            }
            answer => answer,
        }
    }

    /// Makes a call about an installation as a whole.
    pub(super) async fn of_installation(
        &self,
        installation: InstallationId,
        scope: Scope,
        call: &Call,
    ) -> Result<Answer, Failed> {
        let answer = self.in_installation(installation, scope, call).await;
        answer.map_err(|failed| failed.needing(scope.permission()))
    }

    async fn in_installation(
        &self,
        installation: InstallationId,
        scope: Scope,
        call: &Call,
    ) -> Result<Answer, Failed> {
        let caller = Caller::Installation(installation);
        let token = self.token_of(installation, None, scope, None).await?;
        match self.exchange(caller, &token, call).await {
            Err(failed) if failed.status == Some(401) => {
                let token = self.token_of(installation, None, scope, Some(&token));
                self.exchange(caller, &token.await?, call).await
            }
            answer => answer,
        }
    }

    /// Makes a call as the App itself. If that is refused and the clocks differ, it is made again
    /// with GitHub's time.
    pub(super) async fn as_app(&self, call: &Call) -> Result<Answer, Failed> {
        let failed = match self.signed(call).await {
            Err(failed) if failed.status == Some(401) => failed,
            answer => return answer,
        };
        let known = self.clock_ahead_ms.load(Ordering::Relaxed);
        let is_wrong = |ahead: i64| clock::intolerable(ahead.saturating_sub(known)).is_some();
        match failed.clock_ahead_ms {
            Some(ahead) if is_wrong(ahead) => {
                self.clock_ahead_ms.store(ahead, Ordering::Relaxed);
                self.signed(call).await
            }
            Some(_) | None => Err(failed),
        }
    }

    /// Signs in with the App's key, and makes a call.
    async fn signed(&self, call: &Call) -> Result<Answer, Failed> {
        let Credentials::App { id, key } = &self.credentials else {
            return Err(needs_app(call));
        };
        let ahead = self.clock_ahead_ms.load(Ordering::Relaxed);
        let now = Timestamp(self.clock.now().0.saturating_sub(ahead));
        let Some(token) = jwt::sign(id, key, now) else {
            let what = format!("{}: github.private_key was not read", call.name());
            return Err(GitHubFault::new(GitHubFaultKind::Misconfigured, what).into());
        };
        self.exchange(Caller::App, &token, call).await
    }

    /// Returns a token of the installation, which is taken if none is kept. `refused` is the one
    /// that GitHub does not accept any more.
    async fn token(
        &self,
        place: &Place,
        scope: Scope,
        refused: Option<&Secret>,
    ) -> Result<(InstallationId, Secret), Failed> {
        let known = self.installations.get(&place.id).or(place.installation);
        if let Some(installation) = known {
            match self
                .token_of(installation, Some(place.id), scope, refused)
                .await
            {
                // The App was removed, and perhaps installed again under another number.
                Err(failed) if failed.status == Some(404) => {}
                token => return Ok((installation, token?)),
            }
            self.installations.remove(&place.id);
        }
        let installation = self.ask_installation(place).await?;
        self.installations.set(place.id, installation);
        let token = self
            .token_of(installation, Some(place.id), scope, refused)
            .await?;
        Ok((installation, token))
    }

    async fn ask_installation(&self, place: &Place) -> Result<InstallationId, Failed> {
        let path = in_repository(&place.name, "installation");
        let call = Call::get("GetRepositoryInstallation", path);
        let answer = self.as_app(&call).await?;
        let id: Id = call.read(&answer)?;
        Ok(InstallationId(id.id))
    }

    async fn token_of(
        &self,
        installation: InstallationId,
        repository: Option<RepositoryId>,
        scope: Scope,
        refused: Option<&Secret>,
    ) -> Result<Secret, Failed> {
        let purpose = Purpose {
            installation,
            repository: repository.filter(|_| scope.is_of_repository()),
            scope,
        };
        let slot = self.tokens.slot(purpose);
        let mut kept = slot.lock().await;
        if let Some(token) = usable(kept.as_ref(), refused, self.clock.now()) {
            return Ok(token);
        }
        let call = Call::post("CreateInstallationToken", purpose.path(), purpose.body());
        let queue = self.queues.of(Caller::Installation(installation));
        queue.check(&call.name(), self.clock.now())?;
        let answer = self.as_app(&call).await?;
        let now = self.clock.now();
        let answered_at = http_date(&answer.headers).unwrap_or(now);
        let token =
            Token::read(&answer.content, answered_at, now).ok_or_else(|| call.unreadable())?;
        let secret = token.secret.clone();
        *kept = Some(token);
        Ok(secret)
    }

    /// Sends the request of a call when it is the caller's turn, and judges the answer.
    pub(super) async fn exchange(
        &self,
        caller: Caller,
        token: &Secret,
        call: &Call,
    ) -> Result<Answer, Failed> {
        let queue = self.queues.of(caller);
        let is_mutation = !call.is_read() && caller != Caller::App;
        let turn = queue
            .enter(&call.name(), is_mutation, || self.clock.now())
            .await?;
        if call.is_sparing {
            queue.check_reserve(&call.name(), self.clock.now())?;
        }
        let answer = measured(call.operation, self.request(&queue, token, call)).await;
        drop(turn);
        answer
    }

    async fn request(
        &self,
        queue: &CallQueue,
        token: &Secret,
        call: &Call,
    ) -> Result<Answer, Failed> {
        let known = call.has_etag.then(|| self.etags.get(&call.path)).flatten();
        let request = Request {
            method: call.method.clone(),
            path: &call.path,
            token,
            etag: known.as_ref().map(|known| known.etag.as_str()),
            body: call.body.as_ref(),
        };
        let sent = self.transport.send(&request).await;
        let mut answer = sent.map_err(|why| fault::of_no_answer(&call.name(), why))?;
        self.obey_limit(queue, call, &answer)?;
        queue.reserve(limits::reserved_until(&answer.headers, self.clock.now()));
        match (answer.status, known) {
            (200..=299, _) => {
                if let Some(reduce) = call.reduce {
                    let reduced = reduce(&answer.content);
                    answer.content = reduced.ok_or_else(|| fault::unreadable(&call.name()))?;
                }
                let etag = answer.headers.get(ETAG).and_then(|etag| etag.to_str().ok());
                if let Some(etag) = etag.filter(|_| call.has_etag) {
                    self.etags.keep(&call.path, etag, &answer.content);
                }
                Ok(answer)
            }
            (304, Some(known)) => {
                answer.content = known.content.to_vec();
                Ok(answer)
            }
            (_, _) => {
                let now = self.clock.now();
                let failed = fault::of_answer(&call.name(), &answer, &self.credentials, now);
                Err(failed)
            }
        }
    }

    /// Closes the queue if the answer tells of a limit, and opens it after a success.
    ///
    /// # Errors
    /// `github-limited` if the call itself was refused for the limit.
    fn obey_limit(
        &self,
        queue: &CallQueue,
        call: &Call,
        answer: &Answer,
    ) -> Result<(), GitHubFault> {
        let is_success = answer.status < 400;
        if is_success {
            queue.accepted();
        }
        let (now, strikes) = (self.clock.now(), queue.strikes());
        let message = match is_success {
            true => String::new(),
            false => fault::message(&answer.content),
        };
        let wait = limits::wait(answer.status, &answer.headers, &message, now, strikes);
        let Some(wait) = wait else { return Ok(()) };
        let until = now.plus(wait);
        queue.close(until);
        match is_success {
            true => Ok(()),
            false => Err(limited(
                format!(
                    "{}: {}: {message}: GitHub's rate limit is reached until {until}",
                    call.name(),
                    answer.status
                ),
                until,
            )),
        }
    }
}

/// Creates the fault of a call that only an App may make.
pub(super) fn needs_app(call: &Call) -> Failed {
    let what = format!(
        "{}: GitHub lets only Apps do this: set github.app and github.private_key, or report = \"status\"",
        call.name()
    );
    GitHubFault::new(GitHubFaultKind::Misconfigured, what).into()
}
