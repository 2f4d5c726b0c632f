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
}
