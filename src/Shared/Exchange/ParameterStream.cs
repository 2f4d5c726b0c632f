using DistSgd.Shared.Wire;
using Grpc.Core;

namespace DistSgd.Shared.Exchange;

/// <summary>
/// A client's stream to one server: connects when there is work, sends pieces of it within the server's credit, and after a broken
/// connection sends again, in order, what wasn't answered. The state of what is queued and sent is <see cref="StreamQueue"/>.
/// </summary>
/// <remarks>
/// Three flows: <see cref="RunAsync"/> connects and reads; <see cref="SendAsync"/> writes, woken by whoever brings work, on that
/// thread; a timer gives a silent server up. All share the client's gate, which is never held while anything is copied, sent or awaited.
/// </remarks>
internal sealed class ParameterStream : IServerFrames, IAsyncDisposable
{
    private static readonly TimeSpan BackoffFirst = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan BackoffMax = TimeSpan.FromSeconds(1);

    // What a client asks for: so many exchanges as a shard's window remembers of a source; the rest as the server sees fit.
    private static readonly StreamCredit Wanted = new(1024, 0, 0, 0, 0);

    private readonly string _job;
    private readonly string _server;
    private readonly CallInvoker _invoker;
    private readonly GrpcClientOptions _options;
    private readonly Lock _gate;
    private readonly StreamQueue _queue;
    private readonly WakeSignal _wake = new();
    private readonly OutgoingExchanges _message = new();
    private readonly Method<OutgoingExchanges, ParameterStream> _method;
    private readonly CancellationTokenSource _closing = new();
    private readonly ulong _client = (ulong)Environment.TickCount64 << 32 | (uint)Environment.ProcessId;

    // Under _gate.
    private CancellationTokenSource? _connection;
    private Status? _cause;
    private bool _isRunning;
    private bool _isDisposed;
    private bool _isWelcome;
    private bool _hasProgressed;
    private Task _run = Task.CompletedTask;
    private SilenceWatch? _watch;
    private long _bytesSent;
    private long _bytesReceived;

    public ParameterStream(string job, string server, CallInvoker invoker, GrpcClientOptions options, Lock gate)
    {
        (_job, _server, _invoker, _options, _gate) = (job, server, invoker, options, gate);
        _queue = new StreamQueue(server, options);
        _method = ParametersContract.ClientStream(Read);
    }

    /// <summary>Bytes of all messages sent and received.</summary>
    public (long Sent, long Received) MessageBytes
    {
        get
        {
            lock (_gate)
                return (_bytesSent, _bytesReceived);
        }
    }

    /// <summary>Takes a work up; on this thread it is sent, as far as the connection is free. After the disposal its round fails.</summary>
    public void Enqueue(ShardWork work)
    {
        bool starts;
        lock (_gate)
        {
            if (_isDisposed)
            {
                work.Round.Fail(Disposed());
                return;
            }
            if (!_queue.Add(work))
                return;
            starts = !_isRunning;
            _isRunning = true;
        }
        if (starts)
            _run = RunAsync();
        else
            Wake(inline: true);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        lock (_gate)
            _isDisposed = true;
        await _closing.CancelAsync();
        await _run;
        lock (_gate)
        {
            _queue.FailAll(Disposed());
            _watch?.Dispose();
        }
        _closing.Dispose();
    }

    /// <inheritdoc/>
    void IServerFrames.Welcome(uint version, in StreamCredit granted)
    {
        if (version != ParametersContract.StreamVersion)
            throw new InvalidDataException($"it speaks version {version} of the stream's contract; this client speaks {ParametersContract.StreamVersion}");
        lock (_gate)
        {
            _isWelcome = true;
            _queue.Connected(granted);
        }
    }

    /// <inheritdoc/>
    void IServerFrames.Answer(ulong id, long version, bool duplicate, ReadOnlySpan<byte> values)
    {
        SentPiece sent;
        Memory<float> destination;
        lock (_gate)
        {
            _hasProgressed = true;
            if (!_queue.TakeAnswer(id, values.Length, out sent))
                return;
            destination = sent.Work.Destination(sent.Piece);
            sent.Work.Round.Enter();
        }
        values.CopyTo(System.Runtime.InteropServices.MemoryMarshal.AsBytes(destination.Span));
        lock (_gate)
        {
            if (sent.IsCurrent)
                StreamQueue.Done(sent, version, duplicate);
            sent.Work.Round.Leave();
        }
    }

    /// <inheritdoc/>
    void IServerFrames.Refusal(ulong id, StatusCode code, string message)
    {
        var status = new Status(code, message);
        if (id == 0)
            throw new RpcException(status);
        ShardWork? again;
        lock (_gate)
        {
            _hasProgressed = true;
            again = _queue.TakeRefusal(id, status);
        }
        if (again is null)
            return;
        if (again.Failures == 2)
            Notify(again, status);
        _ = SendLaterAsync(again, again.Attempt, Backoff(again.Failures));
    }

    private static ObjectDisposedException Disposed() => new(nameof(GrpcParameterClient));

    private static TimeSpan Backoff(int failures) =>
        failures > 6 ? BackoffMax : BackoffFirst * Math.Pow(2, failures - 1);

    private void Notify(ShardWork work, Status status) =>
        _options.Waiting?.Invoke($"waiting for server {_server} (shard {work.Placement.Shard}): {status.Detail}");

    private async Task SendLaterAsync(ShardWork work, int attempt, TimeSpan pause)
    {
        try
        {
            await Task.Delay(pause, _options.Time, _closing.Token);
        }
        catch (OperationCanceledException)
        {
            // Disposed: the work is in no queue, and fails below.
        }
        lock (_gate)
        {
            if (work.Attempt != attempt)
                return;
        }
        Enqueue(work);
    }

    // Serves connection after connection, until there is nothing left to do.
    private async Task RunAsync()
    {
        int failures = 0;
        while (true)
        {
            Status broken = await ServeAsync();
            ShardWork? waiting;
            lock (_gate)
            {
                failures = _hasProgressed ? 1 : failures + 1;
                _hasProgressed = false;
                waiting = _queue.Broken(broken, _closing.IsCancellationRequested);
                if (_queue.IsEmpty)
                {
                    _isRunning = false;
                    return;
                }
            }
            if (waiting is not null)
                Notify(waiting, broken);
            try
            {
                await Task.Delay(Backoff(failures), _options.Time, _closing.Token);
            }
            catch (OperationCanceledException)
            {
                // The next turn finds out.
            }
        }
    }

    // One connection, from the hello to its end; says how it ended.
    private async Task<Status> ServeAsync()
    {
        using var connection = CancellationTokenSource.CreateLinkedTokenSource(_closing.Token);
        lock (_gate)
            (_connection, _cause, _isWelcome) = (connection, null, false);
        Task sending = Task.CompletedTask;
        Status status;
        try
        {
            using AsyncDuplexStreamingCall<OutgoingExchanges, ParameterStream> call = _invoker.AsyncDuplexStreamingCall(_method, null, new CallOptions(cancellationToken: connection.Token));
            _message.SetHello(new HelloFrame(_job, ParametersContract.StreamVersion, _client, Wanted));
            await call.RequestStream.WriteAsync(_message);
            Watch();
            sending = SendAsync(call.RequestStream);
            while (await call.ResponseStream.ReadNextAsync())
                Received();
            status = new Status(StatusCode.Unavailable, "The server ended the stream.");
        }
        catch (Exception ended)
        {
            // Whatever it is, those who wait for an answer are told.
            status = Explain(ended);
        }
        lock (_gate)
        {
            (_connection, _isWelcome) = (null, false);
            status = _cause ?? status;
            _watch?.Stop();
        }
        await connection.CancelAsync();
        Wake(inline: false);
        await sending;
        return status;
    }

    private ParameterStream Read(DeserializationContext context)
    {
        lock (_gate)
            _bytesReceived += context.PayloadLength;
        try
        {
            ServerFrames.Read(context.PayloadAsReadOnlySequence(), this);
            return this;
        }
        catch (InvalidDataException malformed)
        {
            throw new RpcException(new Status(StatusCode.Internal, $"Malformed answer of the server: {malformed.Message}."));
        }
    }

    // After each message of the server.
    private void Received()
    {
        bool wakes;
        lock (_gate)
        {
            _watch?.Heard(_queue.HasSent);
            wakes = _queue.HasUnsent;
        }
        // Elsewhere, so that the reading goes on meanwhile.
        if (wakes)
            Wake(inline: false);
    }

    private async Task SendAsync(IClientStreamWriter<OutgoingExchanges> writer)
    {
        try
        {
            while (true)
            {
                bool isAny;
                lock (_gate)
                {
                    if (_connection is null)
                        return;
                    _message.Clear();
                    isAny = _isWelcome && _queue.Fill(_message);
                    if (isAny)
                        _watch?.Expect();
                    else
                        _wake.Reset();
                }
                if (!isAny)
                {
                    await _wake.Task;
                    continue;
                }
                ValueTask writing = writer.WriteNextAsync(_message);
                if (_message.IsWritten)
                {
                    LeaveFilled();
                    await writing;
                    continue;
                }
                try
                {
                    await writing;
                }
                finally
                {
                    LeaveFilled();
                }
            }
        }
        catch (Exception broken)
        {
            End(Explain(broken));
        }
    }

    private static Status Explain(Exception broken) => broken switch
    {
        RpcException ended => ended.Status,
        OperationCanceledException or ObjectDisposedException or IOException => new Status(StatusCode.Unavailable, broken.Message, broken),
        _ => new Status(StatusCode.Internal, $"{broken.GetType().Name}: {broken.Message}", broken),
    };

    private void LeaveFilled()
    {
        lock (_gate)
        {
            _bytesSent += _message.Length;
            _queue.LeaveFilled();
        }
    }

    private void Wake(bool inline)
    {
        lock (_gate)
        {
            if (!_wake.TryTake(inline))
                return;
        }
        _wake.Set();
    }

    private void Watch()
    {
        lock (_gate)
        {
            _watch ??= new SilenceWatch(_options, _gate, () => End(new Status(StatusCode.DeadlineExceeded,
                $"The server left everything unanswered for {_options.CallDeadline.TotalSeconds:0.###} s.")));
            _watch.Expect();
        }
    }

    // Ends the connection that is being served, if one is.
    private void End(Status cause)
    {
        CancellationTokenSource? connection;
        lock (_gate)
        {
            connection = _connection;
            if (connection is null)
                return;
            _cause ??= cause;
        }
        try
        {
            connection.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It ended by itself in the meantime.
        }
    }
}
