using System.Buffers;
using Grpc.Core;
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
    private readonly ICallTransport _transport;
    private readonly Method<TRequest, TResponse> _method;
    private readonly CallOptions _options;
    private readonly CallLifetime _lifetime;
    private readonly CallOutcome _outcome = new();
    private readonly PayloadReader _payload = new();
    private readonly PayloadWriter _writer;
    private readonly int? _receiveLimitBytes;

    // Set before the call is handed out.
    private ITransportCall? _stream;
    private ResponseReader? _reader;
    private Task? _headTask;

    // 1 while the reading flow runs (from the start until the head came, then during each read); claimed by compare-exchange.
    private int _isFlowing = 1;

    public ClientCall(
        ICallTransport transport, Method<TRequest, TResponse> method, in CallOptions options, GrpcChannelOptions channelOptions, CancellationToken shutdown)
    {
        if (options.Credentials is not null)
            throw new NotSupportedException("Call credentials aren't supported; add the header they would add to CallOptions.Headers.");
        _transport = transport;
        _method = method;
        _options = options;
        _lifetime = new CallLifetime(options.Deadline, options.CancellationToken, shutdown);
        _writer = new PayloadWriter(channelOptions.MaxSendMessageSize);
        _receiveLimitBytes = channelOptions.MaxReceiveMessageSize;
    }

    public Task<Metadata> ResponseHeadersAsync => _outcome.HeadersAsync;

    public Status GetStatus() => _outcome.Status;

    public Metadata GetTrailers() => _outcome.Trailers;

    public async Task<TResponse> UnaryAsync(TRequest request)
    {
        await SendAsync(request);
        return await SingleResponseAsync();
    }

    public void StartServerStreaming(TRequest request)
    {
        _headTask = SendAsync(request);
        EndWhenCancelled();
    }

    public void StartRequestStream()
    {
        _stream = OpenStream();
        _headTask = ReceiveHeadAsync(_stream.StartAsync(_lifetime.Token));
        EndWhenCancelled();
    }

    /// <summary>The one response of a call that has exactly one.</summary>
    public async Task<TResponse> SingleResponseAsync()
    {
        var response = await ReadAsync() ?? throw Cardinality("no response");
        return await ReadAsync() is null ? response : throw Cardinality("more than one response");
    }

    /// <summary>Reads the next response; null where the call ended with OK.</summary>
    public async ValueTask<TResponse?> ReadAsync()
    {
        if (_headTask is { IsCompleted: false } headTask)
            await headTask;
        if (_outcome.HasEnded)
            return _outcome.Failure is { } failure ? throw failure : null;
        if (Interlocked.Exchange(ref _isFlowing, 1) == 1)
            throw new InvalidOperationException("Can't read the next message: the last read hasn't ended.");
        try
        {
            if (await _reader!.ReadAsync(_lifetime.Token))
                return Deserialize(_reader.Payload);
            End(ResponseStatus.Read(_stream!.Trailers), _stream.Trailers);
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

    /// <summary>Writes a request of the request stream.</summary>
    public async Task WriteAsync(TRequest request, CancellationToken cancellationToken)
    {
        ThrowIfEnded();
        var message = _writer.Serialize(_method.RequestMarshaller, request);
        using var registration = cancellationToken.UnsafeRegister(static state => ((CallLifetime)state!).Cancel("A write was cancelled."), _lifetime);
        try
        {
            await _stream!.WriteAsync(message.Memory, _lifetime.Token);
        }
        catch (Exception e)
        {
            // A server that ends the call early breaks the writing: where the reading flow is at work, it knows the reason.
            if (Volatile.Read(ref _isFlowing) == 1)
                await _outcome.EndedAsync;
            ThrowIfEnded();
            throw new RpcException(_lifetime.Explain(_transport.Explain, e));
        }
        finally
        {
            message.Return();
        }
    }

    public void CompleteWriting() => _stream!.CompleteWriting();

    public void Cancel(string cause)
    {
        if (!_outcome.HasEnded)
            _lifetime.Cancel(cause);
    }

    public void Dispose() => Cancel("The call was disposed before it ended.");

    private async Task SendAsync(TRequest request)
    {
        FramedMessage message;
        try
        {
            message = _writer.Serialize(_method.RequestMarshaller, request);
        }
        catch (Exception e)
        {
            End(e);
            return;
        }
        _stream = OpenStream();
        await ReceiveHeadAsync(_stream.SendAsync(message, _lifetime.Token));
    }

    private ITransportCall OpenStream()
    {
        var stream = _transport.Open(new CallHead(_method.FullName, _options.Headers, _lifetime.Remaining));
        _reader = new ResponseReader(stream, _receiveLimitBytes);
        return stream;
    }

    /// <summary>Awaits the response's head. Ends the call where the head already tells the status; never throws.</summary>
    private async Task ReceiveHeadAsync(Task<IResponseHead> exchange)
    {
        try
        {
            var head = await exchange;
            if (ResponseStatus.ReadHead(head) is { } status)
                End(status, head);
            else
                _outcome.SetHead(head);
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

    private TResponse Deserialize(ReadOnlyMemory<byte> payload)
    {
        try
        {
            return _payload.Deserialize(_method.ResponseMarshaller, new ReadOnlySequence<byte>(payload))
                ?? throw new InvalidDataException("the deserializer returned null");
        }
        catch (Exception e)
        {
            throw new RpcException(new Status(StatusCode.Internal, $"The response of {_method.FullName} can't be deserialized: {e.Message}", e));
        }
    }

    /// <summary>The reading flow pauses; a cancellation that came meanwhile ends the call now, as nobody else would.</summary>
    private void LeaveFlow()
    {
        Volatile.Write(ref _isFlowing, 0);
        if (!_outcome.HasEnded && _lifetime.IsCancelled)
            EndIfIdle();
    }

    private void EndWhenCancelled() =>
        _lifetime.OnCancelled(static state => ((ClientCall<TRequest, TResponse>)state!).EndIfIdle(), this);

    private void EndIfIdle()
    {
        if (Interlocked.Exchange(ref _isFlowing, 1) == 0)
            End(new OperationCanceledException("The call was cancelled."));
    }

    private RpcException Cardinality(string got)
    {
        End(new RpcException(new Status(StatusCode.Unimplemented, $"{_method.FullName} must have exactly one response; the server sent {got}.")));
        return _outcome.Failure ?? new RpcException(
            new Status(StatusCode.Unimplemented, $"{_method.FullName} must have exactly one response; the server sent {got}."));
    }

    private void ThrowIfEnded()
    {
        if (_outcome.HasEnded)
            throw _outcome.Failure ?? new RpcException(_outcome.Status, "Can't write the message: the call has ended with OK.");
    }

    private void End(Exception exception) => End(_lifetime.Explain(_transport.Explain, exception), null);

    private void End(Status status, IHeaderBlock? trailers)
    {
        if (!_outcome.TryEnd(status, trailers))
            return;
        _reader?.Release();
        _stream?.Dispose();
        _lifetime.Dispose();
    }
}
