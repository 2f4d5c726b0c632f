using Grpc.Core;
using Grpc.Net.Client.Transport;

namespace Grpc.Net.Client;

/// <summary>What became of a call: its response headers, then its status and trailers, each set once. Thread-safe.</summary>
internal sealed class CallOutcome(bool throwsCanceled)
{
    private readonly Lock _gate = new();

    // All under _gate; _hasEnded is also read without it, after the others were written.
    private TaskCompletionSource<Metadata>? _headersSource;
    private TaskCompletionSource? _endedSource;
    private IHeaderBlock? _head;
    private IHeaderBlock? _trailerBlock;
    private Metadata? _trailers;
    private Status _status;
    private Exception? _failure;
    private volatile bool _hasEnded;

    public bool HasEnded => _hasEnded;

    /// <summary>What a call that ended with a status other than OK throws: RpcException, or OperationCanceledException around it where the channel says so.</summary>
    public Exception? Failure => _hasEnded ? _failure : null;

    public Status Status => _hasEnded ? _status : throw new InvalidOperationException("The status is known once the call has ended.");

    public Metadata Trailers
    {
        get
        {
            if (!_hasEnded)
                throw new InvalidOperationException("The trailers are known once the call has ended.");
            lock (_gate)
                return _trailers ??= _trailerBlock?.ToMetadata() ?? [];
        }
    }

    public Task<Metadata> HeadersAsync
    {
        get
        {
            lock (_gate)
            {
                if (_headersSource is null)
                {
                    _headersSource = new TaskCompletionSource<Metadata>(TaskCreationOptions.RunContinuationsAsynchronously);
                    PublishHeaders();
                }
                return _headersSource.Task;
            }
        }
    }

    /// <summary>Done when the call has ended, however.</summary>
    public Task EndedAsync
    {
        get
        {
            lock (_gate)
            {
                if (_hasEnded)
                    return Task.CompletedTask;
                _endedSource ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                return _endedSource.Task;
            }
        }
    }

    public void SetHead(IHeaderBlock head)
    {
        lock (_gate)
        {
            _head = head;
            PublishHeaders();
        }
    }

    /// <summary>False where the call had ended already.</summary>
    public bool TryEnd(Status status, IHeaderBlock? trailers)
    {
        lock (_gate)
        {
            if (_hasEnded)
                return false;
            _status = status;
            _trailerBlock = trailers;
            if (status.StatusCode != StatusCode.OK)
                _failure = Fail(status);
            _hasEnded = true;
            PublishHeaders();
            _endedSource?.TrySetResult();
            return true;
        }
    }

    private Exception Fail(Status status)
    {
        try
        {
            _trailers = _trailerBlock?.ToMetadata() ?? [];
        }
        catch (FormatException)
        {
            // The server's status matters more than its unreadable trailers.
            _trailers = [];
        }
        var failure = new RpcException(status, _trailers);
        return throwsCanceled && status.StatusCode is (StatusCode.Cancelled or StatusCode.DeadlineExceeded)
            ? new OperationCanceledException(status.Detail, failure)
            : failure;
    }

    /// <summary>A call that ends without a separate head has empty headers; one that failed before has none.</summary>
    private void PublishHeaders()
    {
        if (_headersSource is null)
            return;
        if (_head is not null)
            _headersSource.TrySetResult(_head.ToMetadata());
        else if (_failure is { } failure && _trailerBlock is null)
            _headersSource.TrySetException(failure);
        else if (_hasEnded)
            _headersSource.TrySetResult([]);
    }
}
