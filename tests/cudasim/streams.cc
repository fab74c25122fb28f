/* Streams are queues.  Eager: an operation runs when it is queued.  Late (the
 * default): when somebody waits for it, streams turn by turn by a seed; whoever
 * looks at a result too early does not find it. */
#include "sim.h"

#include <chrono>
#include <deque>
#include <set>
#include <unistd.h>
#include <vector>

typedef std::function<void()> operation;

struct cudasim_graph {
	std::vector<operation> operations;
};

struct cudasim_graph_exec {
	std::vector<operation> operations;
};

struct cudasim_stream {
	std::deque<operation> queue;
	cudasim_graph *capture; /* NULL: none */
};

/* Recorded `recorded` times, of which `done` have come to pass. */
struct cudasim_event {
	uint64_t recorded, done;
	cudaStream_t stream;
	std::chrono::steady_clock::time_point at;
};

static std::set<cudaStream_t> streams;
static cudasim_stream legacy; /* the default one */

static bool
eager(void)
{
	const char *mode = getenv("CUDASIM_MODE");

	return mode != nullptr && strcmp(mode, "eager") == 0;
}

static cudaStream_t
real(cudaStream_t s)
{
	return s == nullptr ? &legacy : s;
}

/* Runs the first operation of a stream.  false: there is none. */
static bool
advance(cudaStream_t s)
{
	static long delay = sim_setting("CUDASIM_DELAY_US", 0);
	operation first;

	if (s->queue.empty())
		return false;
	first = std::move(s->queue.front());
	s->queue.pop_front();
	if (delay > 0)
		(void)usleep(sim_random((unsigned)delay));
	sim_open_memory();
	first();
	return true;
}

static void
drain(cudaStream_t s)
{
	while (!s->queue.empty()) {
		/* Others go on meanwhile, some of them. */
		for (cudaStream_t other : streams)
			if (other != s && sim_random(4) == 0)
				(void)advance(other);
		(void)advance(s);
	}
}

void
sim_queue(cudaStream_t stream, operation what)
{
	cudaStream_t s = real(stream);

	if (s->capture != nullptr) {
		s->capture->operations.push_back(std::move(what));
		return;
	}
	s->queue.push_back(std::move(what));
	if (eager())
		drain(s);
}

bool
sim_capturing(void)
{
	for (cudaStream_t s : streams)
		if (s->capture != nullptr)
			return true;
	return false;
}

/* For calls that wait, which a capture does not allow. */
static cudaError_t
enter_waiting(const char *function)
{
	cudaError_t e = sim_enter(function);

	return e == cudaSuccess && sim_capturing() ?
	    cudaErrorStreamCaptureUnsupported :
	    e;
}

/* After operations have run: one of them may have ended it all. */
static cudaError_t
leave(const char *function)
{
	return sim_error(sim_enter(function));
}

extern "C" {

cudaError_t
cudaDeviceSynchronize(void)
{
	SIM_LOCKED;
	cudaError_t e = enter_waiting("cudaDeviceSynchronize");

	if (e != cudaSuccess)
		return sim_error(e);
	drain(&legacy);
	for (cudaStream_t s : std::set<cudaStream_t>(streams))
		drain(s);
	return leave("cudaDeviceSynchronize");
}

cudaError_t
cudaStreamCreateWithFlags(cudaStream_t *out, unsigned)
{
	SIM_LOCKED;
	cudaError_t e = sim_enter("cudaStreamCreateWithFlags");

	*out = nullptr;
	if (e != cudaSuccess)
		return sim_error(e);
	*out = new cudasim_stream();
	streams.insert(*out);
	return cudaSuccess;
}

cudaError_t
cudaStreamCreate(cudaStream_t *out)
{
	return cudaStreamCreateWithFlags(out, cudaStreamDefault);
}

cudaError_t
cudaStreamCreateWithPriority(cudaStream_t *out, unsigned flags, int)
{
	return cudaStreamCreateWithFlags(out, flags);
}

cudaError_t
cudaStreamDestroy(cudaStream_t s)
{
	SIM_LOCKED;
	cudaError_t e = sim_enter("cudaStreamDestroy");

	if (streams.count(s) == 0)
		return sim_error(cudaErrorInvalidResourceHandle);
	if (e == cudaSuccess)
		drain(s);
	streams.erase(s);
	delete s;
	return sim_error(e);
}

cudaError_t
cudaStreamSynchronize(cudaStream_t s)
{
	SIM_LOCKED;
	cudaError_t e = enter_waiting("cudaStreamSynchronize");

	if (e != cudaSuccess)
		return sim_error(e);
	drain(real(s));
	return leave("cudaStreamSynchronize");
}

/* Each look lets it get on a little, so that who looks again comes to an
 * end. */
cudaError_t
cudaStreamQuery(cudaStream_t s)
{
	SIM_LOCKED;
	cudaError_t e = enter_waiting("cudaStreamQuery");

	if (e != cudaSuccess)
		return sim_error(e);
	for (int i = 0; i < 64; i++)
		if (!advance(real(s)))
			break;
	e = sim_enter("cudaStreamQuery");
	if (e != cudaSuccess)
		return sim_error(e);
	return real(s)->queue.empty() ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t
cudaStreamWaitEvent(cudaStream_t s, cudaEvent_t event, unsigned)
{
	SIM_LOCKED;
	cudaError_t e = sim_enter("cudaStreamWaitEvent");
	uint64_t want = event->recorded;

	if (e == cudaSuccess)
		sim_queue(s, [event, want] {
			while (event->done < want)
				if (!advance(event->stream))
					break;
		});
	return sim_error(e);
}

/* ---- events ----------------------------------------------------------- */

cudaError_t
cudaEventCreateWithFlags(cudaEvent_t *out, unsigned)
{
	SIM_LOCKED;
	cudaError_t e = sim_enter("cudaEventCreateWithFlags");

	*out = e == cudaSuccess ? new cudasim_event() : nullptr;
	return sim_error(e);
}

cudaError_t
cudaEventCreate(cudaEvent_t *out)
{
	return cudaEventCreateWithFlags(out, cudaEventDefault);
}

cudaError_t
cudaEventDestroy(cudaEvent_t event)
{
	SIM_LOCKED;
	if (event == nullptr)
		return sim_error(cudaErrorInvalidResourceHandle);
	while (event->done < event->recorded && advance(event->stream))
		;
	delete event;
	return cudaSuccess;
}

cudaError_t
cudaEventRecord(cudaEvent_t event, cudaStream_t s)
{
	SIM_LOCKED;
	cudaError_t e = sim_enter("cudaEventRecord");

	if (e != cudaSuccess)
		return sim_error(e);
	event->stream = real(s);
	event->recorded++;
	sim_queue(s, [event] {
		event->done++;
		event->at = std::chrono::steady_clock::now();
	});
	return cudaSuccess;
}

cudaError_t
cudaEventQuery(cudaEvent_t event)
{
	SIM_LOCKED;
	cudaError_t e = enter_waiting("cudaEventQuery");

	if (e != cudaSuccess)
		return sim_error(e);
	if (event->done < event->recorded)
		(void)advance(event->stream);
	e = sim_enter("cudaEventQuery");
	if (e != cudaSuccess)
		return sim_error(e);
	return event->done < event->recorded ? cudaErrorNotReady : cudaSuccess;
}

cudaError_t
cudaEventSynchronize(cudaEvent_t event)
{
	SIM_LOCKED;
	cudaError_t e = enter_waiting("cudaEventSynchronize");

	if (e != cudaSuccess)
		return sim_error(e);
	while (event->done < event->recorded && advance(event->stream))
		;
	return leave("cudaEventSynchronize");
}

cudaError_t
cudaEventElapsedTime(float *ms, cudaEvent_t from, cudaEvent_t to)
{
	SIM_LOCKED;
	if (from->done < from->recorded || to->done < to->recorded)
		return sim_error(cudaErrorNotReady);
	*ms = std::chrono::duration<float, std::milli>(to->at - from->at)
		  .count();
	return cudaSuccess;
}

/* ---- copies ----------------------------------------------------------- */

static cudaError_t
check_copy(const void *to, const void *from, size_t n, enum cudaMemcpyKind kind)
{
	bool into = sim_is_device(to, n), out = sim_is_device(from, n);

	if (n == 0)
		return cudaSuccess;
	if (kind == cudaMemcpyDefault)
		return cudaSuccess;
	if (kind == cudaMemcpyHostToDevice)
		return into && !out ? cudaSuccess : cudaErrorInvalidValue;
	if (kind == cudaMemcpyDeviceToHost)
		return out && !into ? cudaSuccess : cudaErrorInvalidValue;
	if (kind == cudaMemcpyDeviceToDevice)
		return into && out ? cudaSuccess : cudaErrorInvalidValue;
	return into || out ? cudaErrorInvalidMemcpyDirection : cudaSuccess;
}

/* As the default stream does it: at once.  Streams that do not block with it
 * are not waited for. */
cudaError_t
cudaMemcpy(void *to, const void *from, size_t n, enum cudaMemcpyKind kind)
{
	SIM_LOCKED;
	cudaError_t e = enter_waiting("cudaMemcpy");

	if (e == cudaSuccess)
		e = check_copy(to, from, n, kind);
	if (e != cudaSuccess)
		return sim_error(e);
	drain(&legacy);
	sim_open_memory();
	memcpy(to, from, n);
	return cudaSuccess;
}

/* From memory that is not pinned the bytes are taken now; to such memory the
 * call waits. */
cudaError_t
cudaMemcpyAsync(void *to, const void *from, size_t n, enum cudaMemcpyKind kind,
    cudaStream_t s)
{
	SIM_LOCKED;
	cudaError_t e = sim_enter("cudaMemcpyAsync");
	bool far_from = sim_is_device(from, n) || sim_is_pinned(from, n);
	bool far_to = sim_is_device(to, n) || sim_is_pinned(to, n);

	if (e == cudaSuccess)
		e = check_copy(to, from, n, kind);
	if (e != cudaSuccess)
		return sim_error(e);
	if (far_from) {
		sim_queue(s, [=] { memcpy(to, from, n); });
	} else {
		std::string now((const char *)from, n);

		sim_queue(s, [=] { memcpy(to, now.data(), n); });
	}
	if (!far_to && real(s)->capture == nullptr)
		drain(real(s));
	return cudaSuccess;
}

/* Nobody waits for it: work on other streams may come before. */
cudaError_t
cudaMemset(void *to, int v, size_t n)
{
	SIM_LOCKED;
	cudaError_t e = enter_waiting("cudaMemset");

	if (e == cudaSuccess && !sim_is_device(to, n))
		e = cudaErrorInvalidValue;
	if (e == cudaSuccess)
		sim_queue(nullptr, [=] { memset(to, v, n); });
	return sim_error(e);
}

cudaError_t
cudaMemsetAsync(void *to, int v, size_t n, cudaStream_t s)
{
	SIM_LOCKED;
	cudaError_t e = sim_enter("cudaMemsetAsync");

	if (e == cudaSuccess && !sim_is_device(to, n))
		e = cudaErrorInvalidValue;
	if (e == cudaSuccess)
		sim_queue(s, [=] { memset(to, v, n); });
	return sim_error(e);
}

/* ---- graphs ----------------------------------------------------------- */

cudaError_t
cudaStreamBeginCapture(cudaStream_t s, enum cudaStreamCaptureMode)
{
	SIM_LOCKED;
	cudaError_t e = sim_enter("cudaStreamBeginCapture");

	if (e == cudaSuccess && (s == nullptr || s->capture != nullptr))
		e = cudaErrorStreamCaptureUnsupported;
	if (e == cudaSuccess)
		s->capture = new cudasim_graph();
	return sim_error(e);
}

cudaError_t
cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *out)
{
	SIM_LOCKED;
	cudaError_t e = sim_enter("cudaStreamEndCapture");

	*out = nullptr;
	if (e == cudaSuccess && (s == nullptr || s->capture == nullptr))
		e = cudaErrorStreamCaptureInvalidated;
	if (e != cudaSuccess)
		return sim_error(e);
	*out = s->capture;
	s->capture = nullptr;
	return cudaSuccess;
}

cudaError_t
cudaGraphInstantiate(cudaGraphExec_t *out, cudaGraph_t graph,
    unsigned long long)
{
	SIM_LOCKED;
	cudaError_t e = sim_enter("cudaGraphInstantiate");

	*out = nullptr;
	if (e != cudaSuccess)
		return sim_error(e);
	*out = new cudasim_graph_exec();
	(*out)->operations = graph->operations;
	return cudaSuccess;
}

cudaError_t
cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t s)
{
	SIM_LOCKED;
	cudaError_t e = sim_enter("cudaGraphLaunch");

	if (e == cudaSuccess)
		for (const operation &o : graph->operations)
			sim_queue(s, o);
	return sim_error(e);
}

cudaError_t
cudaGraphExecDestroy(cudaGraphExec_t graph)
{
	delete graph;
	return cudaSuccess;
}

cudaError_t
cudaGraphDestroy(cudaGraph_t graph)
{
	delete graph;
	return cudaSuccess;
}

} /* extern "C" */
