using System.Buffers;
using System.Runtime.CompilerServices;
using Grpc.Core;
using Grpc.Net.Client.Http2;
using Grpc.Net.Client.Transport;
using Grpc.Wire;

namespace Grpc.Net.Client;

/// <summary>
/// The client's side of one call, whatever its shape: request out, response head in, messages in, status from the trailers.
/// One flow reads (head, then messages, then trailers); one writer may write beside it; anyone may cancel.
/// </summary>
internal sealed class ClientCall<TRequest, TResponse> : ICallParts
    where TRequest : class
    where TResponse : class
{
    private const string WriteAfterOk = "Can't write the message: the call has ended with OK.";

    private readonly ChannelSettings _channel;
    private readonly Method<TRequest, TResponse> _method;
    private readonly string? _host;
    private readonly CallOptions _options;
    private readonly Metadata? _headers;
    private readonly CallLifetime _lifetime;
    private readonly CallOutcome _outcome;
    private readonly PayloadReader _payload = new();
    private readonly PayloadWriter _writer;
    private readonly MessageCompressor? _compressor;

    // Set before the call is handed out, or, where _opened isn't null, before that is done.
    private ITransportCall? _stream;
    private ResponseReader? _reader;
    private Task? _headTask;
    private TaskCompletionSource? _opened;

    // What the reading flow does: from the start until the head came, then during each read, it is under way. Claimed by compare-exchange.
    private int _flow = UnderWay;
    private const int Paused = 0;
    private const int UnderWay = 1;
    private const int Ending = 2;

    // Done at the flow's next pause; set by a writer that waits for it.
    private TaskCompletionSource? _paused;

    /// <exception cref="ArgumentException">The headers can't be sent.</exception>
    /// <exception cref="InvalidOperationException">The headers ask for an encoding that the channel hasn't.</exception>
    public ClientCall(ChannelSettings channel, Method<TRequest, TResponse> method, string? host, in CallOptions options)
    {
        // A call that waits for its credentials, its server or its turn reads them later: whoever made them may have changed them then.
        _headers = MetadataHeaders.Copy(options.Headers);
        _compressor = RequestCompressor.Find(_headers, channel.Encodings);
        _channel = channel;
        _method = method;
        _host = host;
        _options = options;
        _outcome = new CallOutcome(channel.ThrowsCanceled);
        _lifetime = new CallLifetime(options, channel.Shutdown);
        _writer = new PayloadWriter(channel.SendLimitBytes);
        WriteOptions = options.WriteOptions;
        ClientCallLog.CallStarted(channel.Logger, method.FullName);
    }

    /// <summary>Options of the writes that follow. Set by the writer.</summary>
    public WriteOptions? WriteOptions { get; set; }

    public Task<Metadata> ResponseHeadersAsync => _outcome.HeadersAsync;

    public Status GetStatus() => _outcome.Status;

    public Metadata GetTrailers() => _outcome.Trailers;

    public async Task<TResponse> UnaryAsync(TRequest request)
    {
        await SendAsync(request);
        // As SingleResponseAsync does, but without the state machine of a second method.
        var response = await ReadAsync() ?? throw Cardinality("no response");
        return await ReadAsync() is null ? response : throw Cardinality("more than one response");
    }

    public void StartServerStreaming(TRequest request)
    {
        _headTask = SendAsync(request);
        EndWhenCancelled();
    }

    public void StartRequestStream()
    {
        if (CallPreparation.IsNeeded(_channel, _options))
        {
            _opened = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _headTask = StartPreparedAsync(_opened);
        }
        else
        {
            _headTask = ReceiveHeadAsync(OpenStream(credentials: null).StartAsync(_lifetime.Token));
        }
        EndWhenCancelled();
    }

    /// <summary>The one response of a call that has exactly one.</summary>
    public async Task<TResponse> SingleResponseAsync()
    {
        var response = await ReadAsync() ?? throw Cardinality("no response");
        return await ReadAsync() is null ? response : throw Cardinality("more than one response");
    }

    /// <summary>Reads the next response; null where the call ended with OK. To be awaited at once, and once.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<TResponse?> ReadAsync()
    {
        if (_headTask is { IsCompleted: false } headTask)
            await headTask;
        if (_outcome.HasEnded)
            return _outcome.Failure is { } failure ? throw failure : null;
        switch (Interlocked.CompareExchange(ref _flow, UnderWay, Paused))
        {
            case UnderWay:
                throw new InvalidOperationException("Can't read the next message: the last read hasn't ended.");
            case Ending:
                await _outcome.EndedAsync;
                return _outcome.Failure is { } cancelled ? throw cancelled : null;
        }
        try
        {
            if (await _reader!.ReadAsync())
                return Deserialize(_reader);
            var trailers = _stream!.Trailers;
            End(ResponseStatus.Read(trailers), trailers);
        }
        catch (Exception e)
        {
            End(e);
        }
        finally
        {
            LeaveFlow();
        }
        return _outcome.Failure is { } ended ? throw ended : null;
    }

    /// <summary>Writes a request of the request stream. To be awaited at once, and once.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask WriteAsync(TRequest request, CancellationToken cancellationToken)
    {
        if (_opened is { } opened)
            await opened.Task;
        ThrowIfEnded();
        var message = Serialize(request);
        using var registration = cancellationToken.UnsafeRegister(static state => ((CallLifetime)state!).Cancel("A write was cancelled."), _lifetime);
        try
        {
            await _stream!.WriteAsync(message.Memory);
        }
        catch (Exception e)
        {
            // A server that ends the call early breaks the writing: where the reading flow is at work, it may find the reason.
            await Task.WhenAny(_outcome.EndedAsync, PausedAsync());
            ThrowIfEnded();
            // Nobody has read so far; the trailers have come.
            var status = e is StreamEndedException ? ResponseStatus.Read(_stream!.Trailers) : _lifetime.Explain(_channel.Transport.Explain, e);
            throw new RpcException(status, status.StatusCode == StatusCode.OK ? WriteAfterOk : status.ToString());
        }
        finally
        {
            message.Return();
        }
    }

    public async Task CompleteWritingAsync()
    {
        if (_opened is { } opened)
            await opened.Task;
        _stream?.CompleteWriting();
    }

    public void Cancel(string cause)
    {
        if (!_outcome.HasEnded)
            _lifetime.Cancel(cause);
    }

    public void Dispose() => Cancel("The call was disposed before it ended.");

    private async Task SendAsync(TRequest request)
    {
        FramedMessage message = default;
        ValueTask<IResponseHead> exchange;
        try
        {
            message = Serialize(request);
            var credentials = CallPreparation.IsNeeded(_channel, _options)
                ? await CallPreparation.RunAsync(_channel, _method, _options, _lifetime.Token)
                : null;
            exchange = OpenStream(credentials).SendAsync(message, _lifetime.Token);
        }
        catch (Exception e)
        {
            if (message.Buffer is not null)
                message.Return();
            End(e);
            return;
        }
        try
        {
            AcceptHead(await exchange);
        }
        catch (Exception e)
        {
            End(e);
        }
        finally
        {
            LeaveFlow();
        }
    }

    private async Task StartPreparedAsync(TaskCompletionSource opened)
    {
        ValueTask<IResponseHead> exchange;
        try
        {
            var credentials = await CallPreparation.RunAsync(_channel, _method, _options, _lifetime.Token);
            exchange = OpenStream(credentials).StartAsync(_lifetime.Token);
        }
        catch (Exception e)
        {
            End(e);
            return;
        }
        finally
        {
            opened.SetResult();
        }
        await ReceiveHeadAsync(exchange);
    }

    private FramedMessage Serialize(TRequest request)
    {
        var isPlain = ((WriteOptions?.Flags ?? WriteFlags.None) & WriteFlags.NoCompress) != 0;
        return _writer.Serialize(_method.RequestMarshaller, request, isPlain ? null : _compressor);
    }

    private ITransportCall OpenStream(Metadata? credentials)
    {
        var head = new CallHead(
            _method.FullName, _host, _headers, credentials, _lifetime.TimeLeft, _compressor?.EncodingName, _channel.Encodings.AcceptHeader);
        _stream = _channel.Transport.Open(head);
        _reader = new ResponseReader(_stream, _channel.ReceiveLimitBytes);
        return _stream;
    }

    /// <summary>Awaits the response's head. Never throws.</summary>
    private async Task ReceiveHeadAsync(ValueTask<IResponseHead> exchange)
    {
        try
        {
            AcceptHead(await exchange);
        }
        catch (Exception e)
        {
            End(e);
        }
        finally
        {
            LeaveFlow();
        }
    }

    /// <summary>Ends the call where the head already tells the status.</summary>
    private void AcceptHead(IResponseHead head)
    {
        if (ResponseStatus.ReadHead(head, _channel.Encodings) is { } status)
        {
            End(status, head);
            return;
        }
        _reader!.Encoding = head.Find(WireNames.EncodingHeader) is { } encoding ? _channel.Encodings.Find(encoding) : null;
        _outcome.SetHead(head);
    }

    private TResponse Deserialize(ResponseReader reader)
    {
        var payload = new ReadOnlySequence<byte>(reader.Payload);
        try
        {
            return (reader.IsCompressed
                ? _payload.Deserialize(_method.ResponseMarshaller, payload, reader.Encoding!, _channel.ReceiveLimitBytes)
                : _payload.Deserialize(_method.ResponseMarshaller, payload))
                ?? throw new InvalidDataException("the deserializer returned null");
        }
        catch (Exception e) when (e is not RpcException)
        {
            throw new RpcException(new Status(StatusCode.Internal, $"The response of {_method.FullName} can't be deserialized: {e.Message}", e));
        }
    }

    /// <summary>The reading flow pauses; a cancellation that came meanwhile ends the call now, as nobody else would.</summary>
    private void LeaveFlow()
    {
        Interlocked.Exchange(ref _flow, Paused);
        Interlocked.Exchange(ref _paused, null)?.TrySetResult();
        if (!_outcome.HasEnded && _lifetime.IsCancelled)
            EndIfIdle();
    }

    /// <summary>Done when the reading flow isn't at work; it may have ended the call then. For one writer at a time.</summary>
    private Task PausedAsync()
    {
        var paused = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Interlocked.Exchange(ref _paused, paused);
        if (Volatile.Read(ref _flow) == Paused)
            paused.TrySetResult();
        return paused.Task;
    }

    private void EndWhenCancelled() =>
        _lifetime.OnCancelled(static state => ((ClientCall<TRequest, TResponse>)state!).EndIfIdle(), this);

    private void EndIfIdle()
    {
        if (Interlocked.CompareExchange(ref _flow, Ending, Paused) == Paused)
            End(new OperationCanceledException("The call was cancelled."));
    }

    private Exception Cardinality(string got)
    {
        End(new RpcException(new Status(StatusCode.Unimplemented, $"{_method.FullName} must have exactly one response; the server sent {got}.")));
        return _outcome.Failure ?? new RpcException(
            new Status(StatusCode.Unimplemented, $"{_method.FullName} must have exactly one response; the server sent {got}."));
    }

    private void ThrowIfEnded()
    {
        if (_outcome.HasEnded)
            throw _outcome.Failure ?? new RpcException(_outcome.Status, WriteAfterOk);
    }

    private void End(Exception exception) => End(_lifetime.Explain(_channel.Transport.Explain, exception), null);

    private void End(Status status, IHeaderBlock? trailers)
    {
        if (!_outcome.TryEnd(status, trailers))
            return;
        if (status.StatusCode != StatusCode.OK)
            ClientCallLog.CallFailed(_channel.Logger, _method.FullName, status.StatusCode, status.Detail);
        _reader?.Release();
        _stream?.Dispose();
        _lifetime.Dispose();
    }
}
