using Grpc.Net.Client.Transport;

namespace DistSgd.Grpc.Tests;

/// <summary>A request stream whose connection is about to stop is sent on another one, unless a message has left.</summary>
public sealed class StreamingContentTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Stream_OpenedAgainBeforeAnyMessage_GoesToTheSecondConnection()
    {
        using var content = new StreamingContent();
        using var first = new MemoryStream();
        using var second = new MemoryStream();
        using var firstIsLost = new CancellationTokenSource();
        var onFirst = content.CopyToAsync(first, firstIsLost.Token);
        await firstIsLost.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => onFirst.WaitAsync(Patience));
        var onSecond = content.CopyToAsync(second);
        await content.WriteAsync(new byte[] { 1, 2 }, CancellationToken.None);
        content.Complete();
        await onSecond.WaitAsync(Patience);
        Assert.Empty(first.ToArray());
        Assert.Equal([1, 2], second.ToArray());
    }

    [Fact]
    public async Task Stream_OpenedAgainAfterAMessage_IsRefused()
    {
        using var content = new StreamingContent();
        using var first = new MemoryStream();
        using var second = new MemoryStream();
        var onFirst = content.CopyToAsync(first);
        await content.WriteAsync(new byte[] { 1 }, CancellationToken.None);
        var refused = await Assert.ThrowsAnyAsync<Exception>(() => content.CopyToAsync(second).WaitAsync(Patience));
        Assert.IsType<IOException>(refused.GetBaseException());
        content.Abandon();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => onFirst.WaitAsync(Patience));
        Assert.Empty(second.ToArray());
    }

    [Fact]
    public async Task Stream_AbandonedDuringAWrite_EndsTheWriteFirst_SinceNothingMayFollowAReset()
    {
        using var content = new StreamingContent();
        using var connection = new SlowConnection();
        var body = content.CopyToAsync(connection);
        var write = content.WriteAsync(new byte[] { 1 }, CancellationToken.None).AsTask();
        await connection.IsWriting.Task.WaitAsync(Patience);
        content.Abandon();
        await connection.IsCancelled.Task.WaitAsync(Patience);
        Assert.False(body.IsCompleted);
        connection.MayEnd.SetResult();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => write.WaitAsync(Patience));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => body.WaitAsync(Patience));
        await Assert.ThrowsAsync<IOException>(() => content.WriteAsync(new byte[] { 2 }, CancellationToken.None).AsTask().WaitAsync(Patience));
    }

    /// <summary>A connection with a write under way, which ends after its cancellation, but not at once.</summary>
    private sealed class SlowConnection : MemoryStream
    {
        public TaskCompletionSource IsWriting { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource IsCancelled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource MayEnd { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            using var registration = cancellationToken.Register(IsCancelled.SetResult);
            IsWriting.SetResult();
            await MayEnd.Task;
            cancellationToken.ThrowIfCancellationRequested();
        }
    }
}
