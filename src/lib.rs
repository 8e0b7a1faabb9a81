//! Handloom: a laboratory of concurrency, woven by hand.
//!
//! One small problem, a calculator that many clients ask at once, is solved in every way a program can wait:
//! one client after another, threads, processes, a selector with callbacks, with coroutines, and with futures on
//! an event loop that is part of this crate. The source is the textbook; this page is its table of contents.
//!
//! # The house
//!
//! A room imports from the floors below its own and from no other; `tests/layers.rs` checks it.
//!
//! ```text
//! 7  cli                                  the program: arguments, printing, exit codes
//! 6  labs        compare                  small experiments; one load against every server
//! 5  calc   factorial  watch    fetch     the calculator, in seven models; a large factorial; the watcher; many pages
//! 4  web                                  HTTP on sockets: clients, blocking and async; a server
//! 3  aio                                  what a task awaits: sockets, lines, time, locks, threads, signals
//! 2  rt     generator  threads  processes the event loop; its ancestor; pool, locks; a supervisor
//! 1  jobs   report                        what the owner of a job holds, for both pools; tables and pictures as text
//! 1  http   json                          HTTP/1.1 on byte slices, never a socket; reading and writing JSON
//! 0  os                                   the only calls into C, each wrapped once
//! ```
//!
//! # Reading order
//!
//! 1. [`generator`]: the course's server, one to one. A queue of tasks, two maps of who waits, a selector.
//!    Read `coroutine`, then `event_loop`.
//! 2. [`rt`]: the same loop, driven by futures. Read `event_loop`, `run_queue`, `task`, `reactor`, `timers`: the
//!    path of one turn. Then `remote` (wakes from other threads), `join` (results and cancellation), `ending`
//!    and `stuck`.
//! 3. [`aio`]: what a task awaits. `sleep` and `tcp_stream` show the two ways to wait; `waiting` and `wait_list`
//!    are under every lock and queue, `children` under every combinator, `run_blocking` is the bridge to threads.
//! 4. [`calc`]: what it is good for. `protocol::session` is shared by all models; then the models, from
//!    `sequential` to `asynchronous`.
//! 5. [`factorial`]: work for the pools, and how to part one computation over them. Read `tree`, then `swing`, then
//!    `parted`.
//! 5. [`http`]: the other wire, for clients and servers alike. Its module page draws the way through it. Then
//!    [`web`], which puts connections, a clock and a crowd of strangers before it.
//! 6. [`fetch`]: many pages in three ways to wait. Read `order`, then the three modes, then `history`.
//!
//! Protocols that need more room than a file's head are pages of `notes/`: `edge-triggering.md`,
//! `lost-wake-ups.md`, `cancellation.md`. Why things are as they are is in `notes/decisions.md`.
//!
//! # Labels
//!
//! Each file's docs state its invariants, each with a label. Comments and tests cite the label, so a search for
//! one finds the promise, the lines that keep it, and the test that guards it. `tests/notes/labels.rs` keeps this index
//! true, and prints it anew when it is not.
//!
//! | labels | stated in |
//! | --- | --- |
//! | `ACCEPT-1` to 3 | `aio/tcp_listener.rs` |
//! | `ACCEPTOR-1` to 3 | `calc/acceptor.rs` |
//! | `ACCESS-1` to 2 | `weather/access_log.rs` |
//! | `AFFINITY-1` | `os/affinity.rs` |
//! | `ALARM-1` to 2 | `os/alarm.rs` |
//! | `ANSWERED-1` to 2 | `web/server/answered.rs` |
//! | `ANSWERING-1` to 5 | `web/server/exchange.rs` |
//! | `APPID-1` | `weather/endpoint.rs` |
//! | `ARGS-1` to 6 | `cli/args.rs` |
//! | `ARRIVAL-1` to 2 | `jobs/as_completed.rs` |
//! | `ASYNC-1` to 2 | `calc/asynchronous.rs` |
//! | `ASYNC-CLIENT-1` to 4 | `calc/async_client.rs` |
//! | `ASYNC-FETCH-1` to 2 | `fetch/asynchronous.rs` |
//! | `AUTHORITY-1` to 2 | `http/authority.rs` |
//! | `BARRIER-1` to 3 | `threads/barrier.rs` |
//! | `BARS-1` | `report/bars.rs` |
//! | `BESIDE-1` | `labs/gil/beside.rs` |
//! | `BLOCK-1` to 4 | `aio/run_blocking.rs` |
//! | `BLOCKED-1` to 3 | `threads/pool/blocked.rs` |
//! | `BLOCKING-1` to 5 | `calc/blocking.rs` |
//! | `BODY-1` to 3 | `http/body.rs` |
//! | `BOUND-1` to 3 | `aio/bounded.rs` |
//! | `BUF-1` to 5 | `aio/buf_reader.rs` |
//! | `CALC-POOL-1` to 3 | `calc/pool.rs` |
//! | `CALL-1` to 5 | `calc/callback_loop.rs` |
//! | `CELL-1` to 5 | `processes/pool/cell.rs` |
//! | `CHART-1` | `compare/chart.rs` |
//! | `CHILD-1` to 6 | `aio/children.rs` |
//! | `CHUNK-1` to 2 | `jobs/chunks.rs` |
//! | `CHUNKED-1` to 4 | `http/chunked.rs` |
//! | `CLIENT-1` to 3 | `cli/client.rs` |
//! | `CLOCK-1` to 2 | `rt/clock.rs` |
//! | `CLOSE-ON-EXEC-1` | `os/close_on_exec.rs` |
//! | `CLOSURE-1` to 4 | `calc/callbacks.rs` |
//! | `CODEC-1` to 3 | `processes/pool/message.rs` |
//! | `COLUMNS-1` | `report/columns.rs` |
//! | `COMES-1` to 3 | `aio/as_completed.rs` |
//! | `COMPARE-1` to 2 | `cli/compare.rs` |
//! | `COND-1` to 3 | `aio/condition.rs` |
//! | `CONN-1` to 6 | `web/server/connection.rs` |
//! | `CONTEST-1` to 5 | `compare/contest.rs` |
//! | `CONTEST-TASK-1` to 2 | `factorial/contest/task.rs` |
//! | `CONTEXT-1` to 5 | `os/context.rs` |
//! | `CONVOY-1` | `labs/gil/convoy.rs` |
//! | `CORE-1` | `rt/core.rs` |
//! | `CORO-1` to 2 | `generator/coroutine.rs` |
//! | `CROWD-1` to 2 | `aio/crowd.rs` |
//! | `CTX-1` | `rt/context.rs` |
//! | `DATE-1` to 2 | `http/date.rs` |
//! | `DEADLINE-1` to 3 | `threads/deadline.rs` |
//! | `DEATH-1` to 3 | `processes/pool/deaths.rs` |
//! | `DELETE-1` to 3 | `watch/delete.rs` |
//! | `DESK-1` to 3 | `weather/desk.rs` |
//! | `DIAL-1` to 2 | `web/client/dial.rs` |
//! | `DIGEST-1` | `fetch/digest.rs` |
//! | `DIGITS-1` to 2 | `factorial/digits.rs` |
//! | `DOOR-1` to 4 | `calc/door.rs` |
//! | `DOZE-1` to 4 | `processes/pool/doze.rs` |
//! | `DRIVE-1` to 7 | `calc/nonblocking.rs` |
//! | `ECHO-1` | `labs/echo.rs` |
//! | `EDGE-1` | `generator/event_loop.rs` |
//! | `EMBEDDED-1` to 2 | `fetch/embedded.rs` |
//! | `ENCODE-1` to 3 | `http/encode.rs` |
//! | `END-1` to 2 | `rt/ending.rs` |
//! | `ENDING-1` to 2 | `threads/pool/ending.rs` |
//! | `ENDPOINT-1` | `weather/endpoint.rs` |
//! | `ENTRY-1` to 2 | `weather/entry.rs` |
//! | `EVENT-1` to 2 | `aio/event.rs` |
//! | `EVENTFD-1` to 2 | `os/event_fd.rs` |
//! | `EXCHANGE-1` to 3 | `web/client/exchange.rs` |
//! | `EXIT-1` to 2 | `cli/failure.rs` |
//! | `FACTORIAL-1` to 3 | `cli/factorial.rs` |
//! | `FACTORS-1` | `factorial/product.rs` |
//! | `FAREWELL-1` to 2 | `calc/farewell.rs` |
//! | `FAULT-1` | `web/client/fault.rs` |
//! | `FETCH-ASYNC-1` to 3 | `web/client/asynchronous.rs` |
//! | `FETCH-BLOCKING-1` to 3 | `web/client/blocking.rs` |
//! | `FETCH-LIMIT-1` to 2 | `web/client/deadlines.rs` |
//! | `FETCHCMD-1` to 4 | `cli/fetch.rs` |
//! | `FETCHLOG-1` to 4 | `fetch/log.rs` |
//! | `FETCHSHOW-1` to 3 | `fetch/show.rs` |
//! | `FIELDS-1` to 3 | `http/fields.rs` |
//! | `FIGURES-1` to 2 | `report/figures.rs` |
//! | `FILE-1` | `os/file.rs` |
//! | `FLIGHT-1` to 4 | `weather/flights.rs` |
//! | `FORK-SERVER-1` to 5 | `processes/pool/fork_server.rs` |
//! | `FRAME-1` to 3 | `processes/pool/frame.rs` |
//! | `FRAMING-1` to 3 | `http/framing.rs` |
//! | `GATEWAY-1` to 4 | `weather/gateway.rs` |
//! | `GATEWAYCMD-1` to 2 | `cli/gateway.rs` |
//! | `GATHER-1` to 3 | `aio/gather.rs` |
//! | `GEN-1` to 5 | `generator/event_loop.rs` |
//! | `GET-1` to 3 | `cli/get.rs` |
//! | `GIL-1` to 7 | `threads/gil/lock.rs` |
//! | `GIVE-1` to 4 | `aio/waiting.rs` |
//! | `GROUP-1` to 3 | `aio/task_group.rs` |
//! | `HANDING-1` to 2 | `threads/pool/handing.rs` |
//! | `HANDLE-1` to 3 | `jobs/handle.rs` |
//! | `HANDOVER-1` | `labs/gil/handover.rs` |
//! | `HANG-UP-1` | `aio/hang_up.rs` |
//! | `HEAD-1` to 4 | `http/head.rs` |
//! | `HEAT-1` to 4 | `factorial/contest/heats.rs` |
//! | `HELD-1` to 3 | `threads/gil/held.rs` |
//! | `HELP-1` to 2 | `cli/help.rs` |
//! | `HISTOGRAM-1` to 4 | `compare/histogram.rs` |
//! | `HISTORY-1` to 2 | `fetch/history.rs` |
//! | `HOOK-1` to 2 | `rt/observer.rs` |
//! | `IDLE-1` to 3 | `compare/idle.rs` |
//! | `INPUT-1` to 3 | `web/server/input.rs` |
//! | `INTERPRETER-1` | `threads/gil/interpreter.rs` |
//! | `INTERRUPT-1` to 2 | `cli/interrupt.rs` |
//! | `ITEM-1` to 5 | `aio/queue.rs` |
//! | `JOB-1` to 2 | `factorial/job.rs` |
//! | `JOBS-1` to 2 | `aio/job_threads.rs` |
//! | `JOIN-1` to 3 | `rt/join.rs` |
//! | `JOURNAL-1` to 2 | `labs/journal.rs` |
//! | `JOURNEY-1` to 3 | `web/client/journey.rs` |
//! | `JSON-1` to 2 | `json/value.rs` |
//! | `JSON-NUMBER-1` | `json/number.rs` |
//! | `JSON-READ-1` to 4 | `json/reader.rs` |
//! | `JSON-WRITE-1` | `json/writer.rs` |
//! | `KIND-1` to 3 | `factorial/contest/pool_kind.rs` |
//! | `LAB-1` to 2 | `cli/lab.rs` |
//! | `LAB-BLOCKING-1` to 3 | `labs/blocking_call.rs` |
//! | `LAB-CANCEL-1` to 3 | `labs/cancel.rs` |
//! | `LAB-CHILD-1` to 3 | `labs/child.rs` |
//! | `LAB-CONDITION-1` to 3 | `labs/condition.rs` |
//! | `LAB-CONTEXT-1` to 2 | `labs/context_manager.rs` |
//! | `LAB-COOPERATIVE-1` to 2 | `labs/cooperative.rs` |
//! | `LAB-COROUTINE-1` to 2 | `labs/coroutine.rs` |
//! | `LAB-DEADLOCK-1` to 3 | `labs/deadlock.rs` |
//! | `LAB-EXEC-1` to 3 | `labs/exec_environment.rs` |
//! | `LAB-FORK-1` to 4 | `labs/fork.rs` |
//! | `LAB-FORK-BUFFER-1` to 3 | `labs/fork_buffer.rs` |
//! | `LAB-FORK-LOCK-1` to 3 | `labs/fork_lock.rs` |
//! | `LAB-GATHER-1` to 3 | `labs/gather.rs` |
//! | `LAB-GENERATOR-1` to 2 | `labs/generator.rs` |
//! | `LAB-GIL-1` | `labs/gil/run.rs` |
//! | `LAB-GREENLET-1` to 2 | `labs/greenlet.rs` |
//! | `LAB-ITERATOR-1` to 2 | `labs/iterator.rs` |
//! | `LAB-LOCK-1` to 3 | `labs/lock.rs` |
//! | `LAB-LOST-1` to 2 | `labs/lost_wake.rs` |
//! | `LAB-PARALLEL-1` to 2 | `labs/parallel.rs` |
//! | `LAB-PIPE-1` to 4 | `labs/pipe.rs` |
//! | `LAB-PIPE-END-1` to 3 | `labs/pipe_end.rs` |
//! | `LAB-PREEMPTIVE-1` | `labs/preemptive.rs` |
//! | `LAB-PROC-1` | `labs/proc_files.rs` |
//! | `LAB-PROCESS-1` to 2 | `labs/process.rs` |
//! | `LAB-QUEUE-1` to 4 | `labs/queue.rs` |
//! | `LAB-RACE-1` to 2 | `labs/race.rs` |
//! | `LAB-SELECT-1` to 2 | `labs/select.rs` |
//! | `LAB-SHARED-1` to 3 | `labs/shared_memory.rs` |
//! | `LAB-SIGNAL-1` to 4 | `labs/signal.rs` |
//! | `LAB-SOCKETPAIR-1` to 4 | `labs/socketpair.rs` |
//! | `LAB-TASKS-1` to 2 | `labs/tasks.rs` |
//! | `LAB-THREADS-1` to 4 | `labs/threads.rs` |
//! | `LAB-TIMEOUTS-1` to 3 | `labs/timeouts.rs` |
//! | `LEAD-1` to 6 | `processes/pool/leader.rs` |
//! | `LEDGER-1` to 4 | `processes/pool/ledger.rs` |
//! | `LIFE-1` to 5 | `processes/pool/worker.rs` |
//! | `LIMBS-1` to 2 | `factorial/limbs.rs` |
//! | `LIMIT-1` | `os/limits.rs` |
//! | `LINE-1` to 2 | `processes/pool/server_line.rs` |
//! | `LINES-1` to 2 | `report/lines.rs` |
//! | `LINK-1` to 4 | `processes/pool/link.rs` |
//! | `LISTENING-1` to 2 | `cli/listening.rs` |
//! | `LOAD-1` to 4 | `compare/load.rs` |
//! | `LOADCMD-1` to 2 | `cli/load.rs` |
//! | `LOCK-1` to 3 | `aio/lock.rs` |
//! | `LOCK-IN-CHILD-1` to 2 | `os/lock_in_child.rs` |
//! | `LOCKS-1` to 2 | `threads/pool/shared.rs` |
//! | `LOOK-1` to 4 | `watch/look.rs` |
//! | `LOOP-1` to 4 | `rt/event_loop.rs` |
//! | `MANY-1` to 2 | `weather/many.rs` |
//! | `MAP-1` to 2 | `jobs/map.rs` |
//! | `MESSAGE-1` to 2 | `calc/protocol/message.rs` |
//! | `NAPS-1` | `labs/gil/naps.rs` |
//! | `NATIVE-1` | `labs/gil/native.rs` |
//! | `NEEDLE-1` to 3 | `watch/needle.rs` |
//! | `NEWS-1` to 2 | `watch/news.rs` |
//! | `NUMBER-1` to 4 | `calc/protocol/number.rs` |
//! | `ORDER-1` to 2 | `fetch/order.rs` |
//! | `OS-1` to 3 | `os/mod.rs` |
//! | `OS-ACCEPT-1` | `os/socket.rs` |
//! | `OUTBOX-1` to 2 | `processes/pool/outbox.rs` |
//! | `OUTPUT-1` to 3 | `cli/output.rs` |
//! | `PAGE-1` to 2 | `report/page.rs` |
//! | `PAGES-1` to 2 | `fetch/pages.rs` |
//! | `PAIR-1` to 3 | `os/socket_pair.rs` |
//! | `PARK-1` to 2 | `rt/parked.rs` |
//! | `PART-1` to 2 | `cli/tour/part.rs` |
//! | `PARTED-1` to 3 | `factorial/parted.rs` |
//! | `PATIENCE-1` to 2 | `web/server/patience.rs` |
//! | `PAYLOAD-1` | `processes/pool/payload.rs` |
//! | `PEND-1` to 2 | `processes/pool/ending.rs` |
//! | `PERCENT-1` to 2 | `http/percent.rs` |
//! | `PERMIT-1` to 3 | `aio/semaphore.rs` |
//! | `PIPE-1` | `labs/gil/pipe.rs` |
//! | `PLACE-1` to 2 | `processes/pool/entry.rs` |
//! | `PLAIN-1` to 3 | `calc/protocol/plain.rs` |
//! | `POLL-1` | `os/poll.rs` |
//! | `POOL-1` to 7 | `threads/pool/thread_pool.rs` |
//! | `POOL-JOB-1` to 2 | `threads/pool/job.rs` |
//! | `POOLS-1` to 3 | `web/server/pools.rs` |
//! | `PPOOL-1` to 4 | `processes/pool/process_pool.rs` |
//! | `PREFORK-1` to 2 | `calc/prefork.rs` |
//! | `PROCESS-1` to 4 | `os/process.rs` |
//! | `PRODUCT-1` to 3 | `calc/protocol/product.rs` |
//! | `PROGRAM-1` to 2 | `cli/program.rs` |
//! | `PSOURCE-1` to 2 | `processes/pool/sources.rs` |
//! | `PSTART-1` | `processes/pool/builder.rs` |
//! | `PWAIT-1` to 2 | `processes/pool/waiting.rs` |
//! | `PWATCH-1` to 2 | `processes/pool/watch.rs` |
//! | `PYTHON-1` to 2 | `labs/gil/python.rs` |
//! | `QUERY-1` to 2 | `http/query.rs` |
//! | `QUEUE-1` to 3 | `rt/run_queue.rs` |
//! | `RACE-1` to 2 | `aio/race.rs` |
//! | `REACH-1` | `cli/connect.rs` |
//! | `READY-1` to 5 | `rt/reactor.rs` |
//! | `RECALL-1` to 2 | `processes/pool/recall.rs` |
//! | `RECORD-1` to 2 | `compare/record.rs` |
//! | `REDIRECT-1` to 3 | `http/redirect.rs` |
//! | `REFUSAL-1` | `http/request_error.rs` |
//! | `REMOTE-1` to 3 | `rt/remote.rs` |
//! | `REPLY-1` to 3 | `web/server/reply.rs` |
//! | `REPORT-1` | `weather/report.rs` |
//! | `REQUEST-1` to 3 | `http/request.rs` |
//! | `RESOLVE-1` | `http/resolve.rs` |
//! | `RESPONSE-1` to 3 | `http/response.rs` |
//! | `ROUTER-1` to 3 | `web/server/router.rs` |
//! | `ROWS-1` | `compare/table.rs` |
//! | `RUN-1` to 3 | `compare/run.rs` |
//! | `RW-1` to 4 | `threads/rw_lock.rs` |
//! | `SCRIPT-1` to 3 | `compare/script.rs` |
//! | `SECTION-1` to 2 | `labs/gil/section.rs` |
//! | `SEQUENTIAL-1` | `calc/sequential.rs` |
//! | `SEQUENTIAL-FETCH-1` | `fetch/sequential.rs` |
//! | `SERVE-1` to 3 | `cli/serve.rs` |
//! | `SERVER-1` to 4 | `compare/server.rs` |
//! | `SESSION-1` to 6 | `calc/protocol/session.rs` |
//! | `SHARED-1` to 2 | `calc/shared.rs` |
//! | `SHM-1` to 4 | `os/shared_memory.rs` |
//! | `SHORTAGE-1` to 2 | `fetch/shortage.rs` |
//! | `SHOW-1` to 3 | `factorial/contest/show.rs` |
//! | `SIEVE-1` to 2 | `factorial/sieve.rs` |
//! | `SIGNAL-1` to 5 | `os/signal.rs` |
//! | `SINK-1` to 2 | `web/client/sink.rs` |
//! | `SITE-1` | `fetch/site.rs` |
//! | `SITECMD-1` | `cli/site.rs` |
//! | `SIZES-1` | `factorial/contest/sizes.rs` |
//! | `SLAB-1` | `rt/slab.rs` |
//! | `SLEEP-1` to 2 | `aio/sleep.rs` |
//! | `SLOT-1` to 4 | `jobs/slot.rs` |
//! | `SOCKET-1` | `calc/socket.rs` |
//! | `SOURCE-1` to 3 | `aio/source.rs` |
//! | `SPEED-1` | `labs/gil/speed.rs` |
//! | `STATE-1` to 4 | `processes/pool/state.rs` |
//! | `STATUS-1` | `http/status.rs` |
//! | `STDCODEC-1` | `processes/pool/codecs.rs` |
//! | `STDIN-1` to 2 | `cli/stdin.rs` |
//! | `STOP-1` to 3 | `aio/signals.rs` |
//! | `STORE-1` to 4 | `web/client/idle.rs` |
//! | `STREAMS-1` to 3 | `calc/open_streams.rs` |
//! | `STUCK-1` to 2 | `rt/stuck.rs` |
//! | `SUM-1` | `calc/protocol/sum.rs` |
//! | `SUPERVISOR-1` to 5 | `processes/supervisor.rs` |
//! | `SVG-1` to 2 | `report/svg.rs` |
//! | `SWING-1` to 2 | `factorial/swing.rs` |
//! | `TABLE-1` to 2 | `rt/table.rs` |
//! | `TALK-1` to 3 | `compare/conversation.rs` |
//! | `TARGET-1` to 2 | `http/target.rs` |
//! | `TASK-1` to 6 | `rt/task.rs` |
//! | `TCP-1` to 4 | `aio/tcp_stream.rs` |
//! | `THREAD-EVENT-1` to 4 | `threads/event.rs` |
//! | `THREAD-PERMIT-1` to 4 | `threads/semaphore.rs` |
//! | `THREAD-QUEUE-1` to 6 | `threads/queue.rs` |
//! | `THREADLIST-1` | `os/thread_list.rs` |
//! | `THREADS-1` to 2 | `calc/threads.rs` |
//! | `THREADS-FETCH-1` | `fetch/threads.rs` |
//! | `THREADUSAGE-1` | `os/thread_usage.rs` |
//! | `TICK-1` to 3 | `aio/interval.rs` |
//! | `TICKET-1` to 3 | `threads/pool/queue.rs` |
//! | `TIMEOUT-1` to 2 | `aio/timeout.rs` |
//! | `TIMER-1` to 4 | `rt/timers.rs` |
//! | `TOOM-1` to 3 | `factorial/toom.rs` |
//! | `TOUR-1` to 3 | `cli/tour/guide.rs` |
//! | `UPDATES-1` to 2 | `labs/gil/updates.rs` |
//! | `UPSTREAM-1` to 2 | `weather/upstream.rs` |
//! | `UPSTREAM-SITE-1` to 2 | `weather/embedded.rs` |
//! | `URL-1` to 3 | `http/url.rs` |
//! | `USAGE-1` to 3 | `compare/usage.rs` |
//! | `VALUES-1` to 2 | `cli/values.rs` |
//! | `WAIT-1` to 5 | `aio/wait_list.rs` |
//! | `WAIT-FOR-1` to 2 | `labs/wait_for.rs` |
//! | `WATCH-1` to 2 | `web/client/watch.rs` |
//! | `WATCH-ASYNC-1` to 2 | `watch/asynchronous.rs` |
//! | `WATCH-THREADS-1` to 3 | `watch/threads.rs` |
//! | `WATCHCMD-1` to 2 | `cli/watch.rs` |
//! | `WEATHER-ANSWER-1` to 2 | `weather/answer.rs` |
//! | `WEATHERCMD-1` to 3 | `cli/weather.rs` |
//! | `WEB-1` to 3 | `web/server/serve.rs` |
//! | `WEB-CONFIG-1` | `web/server/config.rs` |
//! | `WEB-REQUEST-1` to 2 | `web/server/request.rs` |
//! | `WEB-RESPONSE-1` to 2 | `web/server/response.rs` |
//! | `WORK-1` to 2 | `processes/pool/work.rs` |
//! | `WORKER-1` | `threads/pool/worker.rs` |
//! | `WORLD-1` to 2 | `weather/world.rs` |
//! | `YIELD-1` to 3 | `calc/generators.rs` |

#[cfg(doctest)]
#[path = "../notes/doctests.rs"]
mod notes;

pub mod aio;
pub mod calc;
pub mod cli;
pub mod compare;
pub mod factorial;
pub mod fetch;
pub mod generator;
pub mod http;
pub mod jobs;
pub mod json;
pub mod labs;
pub mod os;
pub mod processes;
pub mod report;
pub mod rt;
pub mod threads;
pub mod watch;
pub mod weather;
pub mod web;
