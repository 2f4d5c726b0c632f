using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace DistSgd.ParamServer.Metrics;

/// <summary>A connection's pipes, with the bytes that pass counted.</summary>
internal sealed class CountingTransport(IDuplexPipe inner, PeerTraffic peer) : IDuplexPipe
{
    public PipeReader Input { get; } = new CountingReader(inner.Input, peer);

    public PipeWriter Output { get; } = new CountingWriter(inner.Output, peer);
}

/// <summary>Counts what is read: each byte once, also where it is looked at again before it is consumed. One reader at a time.</summary>
internal sealed class CountingReader(PipeReader inner, PeerTraffic peer) : PipeReader
{
    private ReadOnlySequence<byte> _buffer;
    private long _left;

    public override bool TryRead(out ReadResult result)
    {
        if (!inner.TryRead(out result))
            return false;
        Count(result);
        return true;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        ReadResult result = await inner.ReadAsync(cancellationToken);
        Count(result);
        return result;
    }

    public override void AdvanceTo(SequencePosition consumed)
    {
        _left = _buffer.Slice(consumed).Length;
        inner.AdvanceTo(consumed);
    }

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        _left = _buffer.Slice(consumed).Length;
        inner.AdvanceTo(consumed, examined);
    }

    public override void CancelPendingRead() => inner.CancelPendingRead();

    public override void Complete(Exception? exception = null) => inner.Complete(exception);

    public override ValueTask CompleteAsync(Exception? exception = null) => inner.CompleteAsync(exception);

    private void Count(in ReadResult result)
    {
        _buffer = result.Buffer;
        peer.CountReceived(result.Buffer.Length - _left);
        _left = result.Buffer.Length;
    }
}

/// <summary>Counts what is written. One writer at a time.</summary>
internal sealed class CountingWriter(PipeWriter inner, PeerTraffic peer) : PipeWriter
{
    public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

    public override long UnflushedBytes => inner.UnflushedBytes;

    public override void Advance(int bytes)
    {
        peer.CountSent(bytes);
        inner.Advance(bytes);
    }

    public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => inner.FlushAsync(cancellationToken);

    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        peer.CountSent(source.Length);
        return inner.WriteAsync(source, cancellationToken);
    }

    public override void CancelPendingFlush() => inner.CancelPendingFlush();

    public override void Complete(Exception? exception = null) => inner.Complete(exception);

    public override ValueTask CompleteAsync(Exception? exception = null) => inner.CompleteAsync(exception);
}
