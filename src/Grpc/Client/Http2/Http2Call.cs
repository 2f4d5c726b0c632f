using System.Runtime.CompilerServices;
using Grpc.Net.Client.Transport;
using Grpc.Wire;

namespace Grpc.Net.Client.Http2;

/// <summary>
/// One call on a stream; on another one where a server refused the first and nothing but the head, or the call's only message, had been sent.
/// A call of one message is used again once it is disposed; one with a request stream isn't, as its writer may come late.
/// </summary>
internal sealed class Http2Call(ConnectionPool pool, Action<Http2Call> keep) : ITransportCall
{
    // Another one after a refusal: the last of the refused one's frames may still be leaving.
    private Http2Stream _stream = new();
    private CallHead _head;
    private FramedMessage? _message;
    private CancellationTokenRegistration _cancellation;

    // The writer's and the opener's: under the lock of the request stream.
    private readonly Lock _gate = new();
    private TaskCompletionSource? _opening;
    private bool _hasWritten;
    private bool _isComplete;
    private bool _isStreaming;

    public IHeaderBlock Trailers => _stream.Response.Trailers;

    public void Begin(in CallHead head) => _head = head;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<IResponseHead> SendAsync(FramedMessage message, CancellationToken cancellationToken)
    {
        _message = message;
        Watch(cancellationToken);
        for (var retries = 0; ; retries++)
        {
            if (!pool.TryOpen(_stream, _head, message.Memory))
                await pool.OpenAsync(_stream, _head, message.Memory, cancellationToken);
            EndIfCancelled(cancellationToken);
            try
            {
                return await _stream.Response.HeadAsync();
            }
            catch (StreamRefusedException) when (retries < Http2Limits.RetriesMax)
            {
                // No server did anything with it.
                _stream = new Http2Stream();
            }
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<IResponseHead> StartAsync(CancellationToken cancellationToken)
    {
        _isStreaming = true;
        Watch(cancellationToken);
        for (var retries = 0; ; retries++)
        {
            await OpenAsync(cancellationToken);
            try
            {
                return await _stream.Response.HeadAsync();
            }
            catch (StreamRefusedException) when (retries < Http2Limits.RetriesMax && TryOpenAgain())
            {
                // The same, and no message is lost with it.
            }
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> framed)
    {
        while (true)
        {
            Task opening;
            lock (_gate)
            {
                _hasWritten |= _opening is null;
                opening = _opening?.Task ?? Task.CompletedTask;
            }
            if (opening.IsCompletedSuccessfully)
                break;
            await opening;
        }
        await _stream.Connection!.WriteAsync(_stream, framed);
    }

    public void CompleteWriting()
    {
        lock (_gate)
        {
            _isComplete = true;
            if (_opening is not null)
                return;
        }
        _stream.Connection?.CompleteWriting(_stream);
    }

    public ValueTask<int> ReadAsync(Memory<byte> buffer, int atLeast) => _stream.ReadAsync(buffer, atLeast);

    public void Dispose()
    {
        _cancellation.Dispose();
        Abandon(null);
        _stream.Response.Leave();
        var isFree = _message is not { } message || Return(message);
        _message = null;
        (_head, _cancellation) = (default, default);
        if (isFree && !_isStreaming)
            keep(this);
    }

    private async ValueTask OpenAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (!pool.TryOpen(_stream, _head, default))
            {
                lock (_gate)
                    _opening ??= NewOpening();
                await pool.OpenAsync(_stream, _head, default, cancellationToken);
            }
        }
        catch (Exception e)
        {
            FailOpening(e);
            throw;
        }
        TaskCompletionSource? opened;
        bool isComplete;
        lock (_gate)
        {
            (opened, _opening) = (_opening, null);
            isComplete = _isComplete;
        }
        if (isComplete)
            _stream.Connection!.CompleteWriting(_stream);
        opened?.SetResult();
        EndIfCancelled(cancellationToken);
    }

    /// <summary>The stream won't be opened: whoever wants to write on it throws this.</summary>
    private void FailOpening(Exception failure)
    {
        Task opening;
        lock (_gate)
        {
            _opening ??= NewOpening();
            _opening.SetException(failure);
            opening = _opening.Task;
        }
        // Nobody need write.
        _ = opening.Exception;
    }

    /// <summary>Whether the stream may be opened again: no message is lost with it. Writers wait from now on.</summary>
    private bool TryOpenAgain()
    {
        lock (_gate)
        {
            if (_hasWritten)
                return false;
            _opening = NewOpening();
            _stream = new Http2Stream();
            return true;
        }
    }

    private static TaskCompletionSource NewOpening() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>From now on the token ends the call, whatever waits for it.</summary>
    private void Watch(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _cancellation = cancellationToken.UnsafeRegister(
            static (state, token) => ((Http2Call)state!).Abandon(new OperationCanceledException(token)), this);
    }

    /// <summary>A cancellation that came before the stream was opened found nothing to end.</summary>
    private void EndIfCancelled(CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
            Abandon(new OperationCanceledException(cancellationToken));
    }

    private void Abandon(Exception? failure) => _stream.Connection?.Abandon(_stream, failure, Http2Error.Cancel);

    private bool Return(FramedMessage message)
    {
        if (_stream.Connection is { } connection)
            return connection.Return(_stream.Request, message);
        message.Return();
        return true;
    }
}
