using System.Runtime.CompilerServices;
using Grpc.Core;
using Grpc.Wire;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Grpc.AspNetCore.Server.Calls;

/// <summary>
/// The server's side of one call: what the service sees of it, reading, writing, and its end, which comes exactly once,
/// from the service's return, its exception, or the deadline.
/// </summary>
internal sealed class ServerCall : ServerCallContext, IBoundedCall, IDisposable
{
    private readonly Lock _gate = new();
    private readonly HttpContext _http;
    private readonly ServerCallSettings _settings;
    private readonly RequestReader _reader;
    private readonly ResponseWriter _writer;
    private readonly MessageShare? _share;
    private ServerDeadline? _deadline;
    private Metadata? _requestHeaders;
    private Metadata? _responseTrailers;
    private AuthContext? _authContext;
    private MessageCompressor? _compressor;
    private bool _hasBody;

    // By the reader: the token of its last read, and what cancels with it and with the call.
    private CancellationToken _readToken;
    private CancellationTokenSource? _readSource;

    // Under _gate: who may touch the response. A write under way keeps the deadline from ending the call in the middle of a message.
    private bool _isWriting;
    private bool _hasEnded;
    private Task _ending = Task.CompletedTask;

    public ServerCall(HttpContext http, string method, ServerCallSettings settings)
    {
        _http = http;
        _settings = settings;
        MethodCore = method;
        _share = settings.Budget is { } budget ? new MessageShare(budget, http) : null;
        _reader = new RequestReader(http.Request.BodyReader, settings.ReceiveLimitBytes, _share);
        _writer = new ResponseWriter(http.Response.BodyWriter, settings.SendLimitBytes, _share);
    }

    public HttpContext Http => _http;

    protected override string MethodCore { get; }

    protected override string HostCore => _http.Request.Host.Value ?? "";

    protected override string PeerCore => PeerName.Of(_http.Connection);

    protected override DateTime DeadlineCore => _deadline?.At ?? DateTime.MaxValue;

    protected override Metadata RequestHeadersCore => _requestHeaders ??= RequestHeaderReader.Read(_http.Request.Headers);

    protected override CancellationToken CancellationTokenCore => _deadline?.Token ?? _http.RequestAborted;

    protected override Metadata ResponseTrailersCore => _responseTrailers ??= [];

    protected override Status StatusCore { get; set; } = Status.DefaultSuccess;

    protected override WriteOptions? WriteOptionsCore { get; set; }

    protected override AuthContext AuthContextCore => _authContext ??= PeerIdentity.Of(_http);

    /// <summary>Takes deadline and encoding from the headers.</summary>
    public void Start()
    {
        _http.Response.ContentType = WireNames.ContentType;
        var headers = _http.Request.Headers;
        if (headers.TryGetValue(WireNames.TimeoutHeader, out var timeoutText))
        {
            if (!GrpcTimeout.TryParse(timeoutText.ToString(), out var timeout))
                throw MessageFraming.Failure(StatusCode.Internal, $"The grpc-timeout '{timeoutText}' isn't digits with a unit of H, M, S, m, u or n.");
            _deadline = new ServerDeadline(timeout, _http.RequestAborted, EndAtDeadline);
        }
        if (headers.TryGetValue(WireNames.EncodingHeader, out var encoding) && encoding.ToString() is not WireNames.Identity and var name)
            _reader.Encoding = _settings.Encodings.Find(name) ?? throw UnknownEncoding(name);
        if (_settings.Compressor is { } compressor && EncodingSet.IsAccepted(headers[WireNames.AcceptEncodingHeader], compressor.EncodingName))
            UseCompressor(compressor);
    }

    /// <summary>The next request; null at the end of the request stream.</summary>
    public ValueTask<T?> ReadAsync<T>(Marshaller<T> marshaller)
        where T : class => _reader.ReadAsync(marshaller, CancellationTokenCore);

    /// <summary>The next request; null at the end of the request stream.</summary>
    public ValueTask<T?> ReadAsync<T>(Marshaller<T> marshaller, CancellationToken cancellationToken)
        where T : class => _reader.ReadAsync(marshaller, WithCalls(cancellationToken));

    /// <summary>The service has what it needs of its client, for now.</summary>
    public void Works() => _share?.Works();

    /// <summary>Waits for the request's end; false where there is more data.</summary>
    public ValueTask<bool> IsRequestAtEndAsync() => _reader.IsAtEndAsync(CancellationTokenCore);

    /// <summary>Writes the only response; it leaves together with the trailers.</summary>
    public void WriteLast<T>(Marshaller<T> marshaller, T message)
        where T : class
    {
        try
        {
            BeginWrite();
            try
            {
                Serialize(marshaller, message);
            }
            finally
            {
                EndWrite();
            }
        }
        catch
        {
            // One that holds memory gives it back when it is written, and else here.
            (message as IDisposable)?.Dispose();
            throw;
        }
    }

    /// <summary>Writes a response of a response stream; done when flow control has taken it. To be awaited at once, and once.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask WriteAsync<T>(Marshaller<T> marshaller, T message, CancellationToken cancellationToken)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(message);
        BeginWrite();
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            Serialize(marshaller, message);
            if (HasFlag(WriteFlags.BufferHint))
                return;
            _share?.Moves();
            await _http.Response.BodyWriter.FlushAsync(CancellationTokenCore);
            _share?.Left();
            CancellationTokenCore.ThrowIfCancellationRequested();
        }
        finally
        {
            EndWrite();
        }
    }

    /// <summary>Ends the call with the status the service left.</summary>
    public Task EndAsync()
    {
        _share?.Moves();
        return IsLate ? EndAsync(DeadlineStatus()) : EndAsync(StatusCore);
    }

    /// <summary>Ends the call with the status that the exception means.</summary>
    public Task EndAsync(Exception exception)
    {
        _share?.Moves();
        if (exception is RpcException rpc)
        {
            ServerCallLog.CallEnded(_settings.Logger, MethodCore, rpc.StatusCode, rpc.Status.Detail);
            foreach (var entry in rpc.Trailers)
                ResponseTrailersCore.Add(entry);
            return EndAsync(rpc.Status);
        }
        if (IsLate)
            return EndAsync(DeadlineStatus());
        // Of a stream that was reset, a reader may hear before the request's token does.
        if (_http.RequestAborted.IsCancellationRequested || exception is OperationCanceledException { InnerException: ConnectionAbortedException })
        {
            ServerCallLog.ClientLeft(_settings.Logger, MethodCore);
            return EndAsync(new Status(StatusCode.Cancelled, "The client cancelled the call."));
        }
        ServerCallLog.ServiceThrew(_settings.Logger, exception, MethodCore);
        var detail = "Exception was thrown by handler.";
        if (_settings.SendsErrorDetails)
            detail += $" {exception.GetType().Name}: {exception.Message}";
        return EndAsync(new Status(StatusCode.Unknown, detail));
    }

    /// <summary>
    /// Gives the call's part of the messages' bound back, once its response has left but for what the transport holds anyway: a client that reads slowly
    /// keeps its part, one whose deadline passes meanwhile is cut off. Never throws.
    /// </summary>
    public async ValueTask LeaveAsync()
    {
        if (_share is null)
            return;
        _share.Moves();
        try
        {
            if (_share.HasResponse && _hasBody && !_writer.IsBroken)
                await _http.Response.BodyWriter.FlushAsync(CancellationTokenCore);
        }
        catch (Exception)
        {
            _share.CutOff();
        }
        _share.Dispose();
    }

    public void ReserveResponse(long bytes) => _share?.HoldResponse(bytes);

    public void Dispose()
    {
        _readSource?.Dispose();
        _deadline?.Dispose();
    }

    protected override async Task WriteResponseHeadersAsyncCore(Metadata responseHeaders)
    {
        BeginWrite();
        try
        {
            if (_http.Response.HasStarted || _hasBody)
                throw new InvalidOperationException("The response headers have been sent; they can be sent once, before the first message.");
            MetadataHeaders.Check(responseHeaders);
            ChooseEncoding(responseHeaders);
            StatusHeaders.Append(_http.Response.Headers, responseHeaders);
            _hasBody = true;
            await _http.Response.BodyWriter.FlushAsync(CancellationTokenCore);
        }
        finally
        {
            EndWrite();
        }
    }

    protected override ContextPropagationToken CreatePropagationTokenCore(ContextPropagationOptions? options) =>
        new ServerCallPropagation(this, options);

    private bool IsLate => _deadline is { HasPassed: true };

    private static Status DeadlineStatus() => new(StatusCode.DeadlineExceeded, "The deadline passed before the call ended.");

    private void Serialize<T>(Marshaller<T> marshaller, T message)
        where T : class
    {
        if (message is null)
            throw MessageFraming.Failure(StatusCode.Cancelled, "No message was returned by the method.");
        if (_compressor is { } compressor && !HasFlag(WriteFlags.NoCompress))
            _writer.Write(marshaller, message, compressor);
        else
            _writer.Write(marshaller, message);
        _hasBody = true;
    }

    private bool HasFlag(WriteFlags flag) => ((WriteOptionsCore?.Flags ?? WriteFlags.None) & flag) != 0;

    private RpcException UnknownEncoding(string name)
    {
        var known = _settings.Encodings.AcceptHeader;
        _http.Response.Headers[WireNames.AcceptEncodingHeader] = known;
        return MessageFraming.Failure(StatusCode.Unimplemented, $"The grpc-encoding '{name}' isn't supported; send one of {known}.");
    }

    /// <summary>A service may choose the encoding of its responses in the headers it sends; one that the client doesn't accept is left out.</summary>
    private void ChooseEncoding(Metadata responseHeaders)
    {
        if (responseHeaders.GetValue(WireNames.EncodingRequest) is not { } name)
            return;
        _compressor = null;
        _http.Response.Headers.Remove(WireNames.EncodingHeader);
        if (name == WireNames.Identity || !EncodingSet.IsAccepted(_http.Request.Headers[WireNames.AcceptEncodingHeader], name))
            return;
        var provider = _settings.Encodings.Find(name)
            ?? throw new InvalidOperationException($"The encoding '{name}' was asked for, which no compression provider has; known are {_settings.Encodings.AcceptHeader}.");
        UseCompressor(new MessageCompressor(provider, level: null));
    }

    private void UseCompressor(MessageCompressor compressor)
    {
        _compressor = compressor;
        _http.Response.Headers[WireNames.EncodingHeader] = compressor.EncodingName;
    }

    /// <summary>Cancelled with the given token and with the call. A service that passes one token again and again has one source made.</summary>
    private CancellationToken WithCalls(CancellationToken token)
    {
        if (!token.CanBeCanceled || token == CancellationTokenCore)
            return CancellationTokenCore;
        if (_readSource is null || _readToken != token)
        {
            _readSource?.Dispose();
            (_readToken, _readSource) = (token, CancellationTokenSource.CreateLinkedTokenSource(token, CancellationTokenCore));
        }
        return _readSource.Token;
    }

    private void BeginWrite()
    {
        lock (_gate)
        {
            if (_hasEnded)
                throw IsLate ? new RpcException(DeadlineStatus()) : new InvalidOperationException("Can't write the message: the call has ended.");
            if (_isWriting)
                throw new InvalidOperationException("Can't write the message: the last write hasn't ended.");
            _isWriting = true;
        }
    }

    private void EndWrite()
    {
        lock (_gate)
            _isWriting = false;
        if (IsLate)
            EndAtDeadline();
    }

    /// <summary>Answers the client now; the service may still run and will find its writes refused.</summary>
    private void EndAtDeadline()
    {
        lock (_gate)
        {
            if (_hasEnded || _isWriting)
                return;
            _hasEnded = true;
            _ending = AnswerDeadlineAsync();
        }
    }

    private Task EndAsync(Status status)
    {
        lock (_gate)
        {
            if (_hasEnded)
                return _ending;
            _hasEnded = true;
            WriteStatus(status);
        }
        return Task.CompletedTask;
    }

    private void WriteStatus(Status status)
    {
        if (_writer.IsBroken)
        {
            // Half a message stands in the body; only a reset tells the client so.
            _http.Features.Get<IHttpResetFeature>()?.Reset(Http2InternalError);
            return;
        }
        if (FaultOfTrailers() is { } fault)
            (status, _responseTrailers) = (fault, null);
        if (!_hasBody && !_http.Response.HasStarted)
            StatusHeaders.Write(_http.Response.Headers, status, _responseTrailers);
        else if (_http.Features.Get<IHttpResponseTrailersFeature>() is { Trailers.IsReadOnly: false } trailers)
            StatusHeaders.Write(trailers.Trailers, status, _responseTrailers);
    }

    /// <summary>The status in place of trailers that can't be sent; null where they can.</summary>
    private Status? FaultOfTrailers()
    {
        try
        {
            MetadataHeaders.Check(_responseTrailers);
            return null;
        }
        catch (ArgumentException e)
        {
            ServerCallLog.ServiceThrew(_settings.Logger, e, MethodCore);
            return new Status(StatusCode.Internal, "The service's response trailers can't be sent.", e);
        }
    }

    /// <summary>Runs on the timer's thread, beside a client that may be leaving: a failure here has nobody to go to but the log.</summary>
    private async Task AnswerDeadlineAsync()
    {
        try
        {
            WriteStatus(DeadlineStatus());
            await _http.Response.CompleteAsync();
        }
        catch (Exception e)
        {
            ServerCallLog.AnswerLost(_settings.Logger, e, MethodCore);
        }
    }

    private const int Http2InternalError = 2;
}
