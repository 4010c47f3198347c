"""A stateful GitHub on 127.0.0.1, for the client's tests, the sandbox and the demo.

Requests and answers are held to GitHub's own OpenAPI description (tests/fixtures/github_api.json).
A request that it forbids is refused with 422 and recorded as a violation. An answer of the fake
that it forbids becomes a 500 and a violation. Unknown members count as forbidden.

`scripts/sandbox exec` starts one, and exports

    BRANCHLINE_TEST_GITHUB      http://127.0.0.1:PORT
    BRANCHLINE_TEST_GITHUB_KEY  the App's private key, a PEM text, new with each start

The first part of each path is the name of a world: `$BRANCHLINE_TEST_GITHUB/NAME` is the base URL
of an API of its own, as `https://HOST/api/v3` is on GitHub Enterprise Server. A world comes into
being with its first request, so that each test takes its own name. It contains

    the App 4242 (client id Iv23liBranchlineFake, slug branchline), with the permissions and events
    that branchline needs (content.py); its installation 1001 in the account acme, for all
    repositories; the repository acme/api (730001), whose branch main is at 40 digits: 730001 in
    hexadecimal, padded with zeros.

A call may name a repository by its id as well (`/repositories/730001/...`); Link headers do. A
commit must be known: the head of a branch or a pull request, now or before.

Control endpoints, below `/NAME/_control/`. Bodies and answers are JSON objects; a wrong one is
answered with 400.

    PUT repositories      {id, full_name, default_branch?, private?, archived?}: adds or changes
                          one. After a new name, calls with the old one are redirected (301, or 307
                          for what is not a GET).
    PUT branches          {repository, name, sha}: sets a branch; without sha, deletes it.
    PUT pull_requests     {repository, number, head_ref, head_sha, title?, head_repository?,
                          base_ref?, login?, state?, draft?, merged?, locked?, labels?}: adds or
                          changes one. `head_repository` is another name for a fork, and null for a
                          deleted one.
    PUT installations     {id, account, permissions?, events?, repositories?: [ids], suspended?}:
                          adds or changes one; `deleted: true` removes it.
    PUT app               {permissions?, events?}: changes the App.
    PUT tokens            {token, permissions, repositories?: [ids], login?, expires_in?}: adds a
                          fine-grained token of a person.
    PUT deliveries        {hook: "app" | "repos/730001/1" | "orgs/acme/1", guid, delivered_at?,
                          redelivery?, duration, status, status_code, event, action,
                          installation_id, repository_id, url?, request?, response?, raw?}: adds a
                          delivery. `raw` is the body as it was signed, which no answer shows.
    PUT files             {repository, sha, path, text} or {repository, sha, path, type: "dir" |
                          "symlink" | "submodule"}: what a commit has under a path. `size` is that
                          of the text unless it is given.
    PUT front_door        {queue_url, region?}: delivers again through the mapping template into a
                          queue. Without it, a redelivery succeeds and goes nowhere.
    POST apply            {event, payload}: lets happen what a webhook describes.
    POST faults           {operation?, path?, times?, skip?, status?, body?, headers?, drop?,
                          effect?, delay_ms?}: what happens to the next requests that match an
                          operation (`checks/create`) and a regular expression. `drop` closes the
                          connection; `effect` does the operation first, so that only the answer is
                          lost. See faults.py.
    DELETE faults         removes all faults.
    POST limits           {owner, limit?, remaining?, reset_in?}: sets the primary limit of an
                          `installation 1001`, a `user ada` or the `app 4242`. {secondary_for:
                          seconds, status?: 403 | 429, retry_after?: bool}: answers everything with
                          the secondary limit for so long. {by_the_minute: false}: does not count
                          points and content, for a test of a thousand calls.
    POST clock            {advance: seconds} or {now: seconds since 1970}: moves or sets GitHub's
                          clock, by which tokens expire. Answers {now}.
    POST rerequest        {check_run}: clicks Re-run. Answers {event, payload}: the webhook.
    POST merge_group      {repository, number, sha, base?, reason?}: puts a group into the merge
                          queue, or with a reason takes it out. Answers the webhook.
    GET branches?repository=acme/api
                          the commit of each branch by its name.
    GET check_runs?repository=acme/api&number=7
                          {id, name, status, conclusion} of each check run of a pull request's head.
    GET requests          every request of the API: {method, path, operation, caller, body, status,
                          at, concurrent}. `at` is in seconds; `concurrent` counts the requests that
                          were running when it arrived, itself included; a status of 0 is a dropped
                          connection.
    GET violations        {what, detail} of each violation. A test asserts that there are none.
    GET webhooks          the webhooks that the controls have answered.
    GET page?repository=acme/api&number=7
                          the page of the pull request as text.
"""
