using DistSgd.Grpc.Tests.V1;
using Grpc.Core;
using Grpc.Net.Client;
using Grpc.Wire;

namespace DistSgd.Grpc.Tests.Hostile;

/// <summary>
/// A server that attacks its first connection and behaves on all others. The call that meets the attack ends with a status that names the server;
/// the channel works again at once; and memory is where it was.
/// </summary>
internal static class HostileServerRun
{
    private const long HeldBytesMax = 8L << 20;

    /// <summary>Calls once, is attacked, and calls again.</summary>
    /// <param name="attack">What the server does to the first connection.</param>
    /// <param name="sentence">What the status says.</param>
    /// <param name="codes">The statuses that the first call may end with.</param>
    public static async Task AttackAsync(Func<RawPeer, Task> attack, string sentence, params StatusCode[] codes)
    {
        var connections = 0;
        await using var server = new RawServer(peer => Interlocked.Increment(ref connections) == 1 ? attack(peer) : peer.ServeAsync());
        using var channel = GrpcChannel.ForAddress(server.Address);
        var before = HeldBytes();
        var status = await CallAsync(channel);
        Assert.True(codes.Contains(status.StatusCode), $"expected {string.Join(" or ", codes)}, got {status}");
        Assert.Contains(sentence, status.Detail, StringComparison.Ordinal);
        if (status.StatusCode != StatusCode.OK)
            Assert.Contains(server.Address, status.Detail, StringComparison.Ordinal);
        Assert.Equal(StatusCode.OK, (await CallAsync(channel)).StatusCode);
        var grownBytes = HeldBytes() - before;
        Assert.True(grownBytes <= HeldBytesMax, $"{grownBytes} bytes more are held than before the attack.");
    }

    /// <summary>The same where the server breaks the rules of HTTP/2.</summary>
    public static Task ViolateAsync(Func<RawPeer, Task> attack, string sentence) => AttackAsync(attack, sentence, StatusCode.Unavailable);

    /// <summary>Waits for the first call, sends these bytes, and hears the client out.</summary>
    public static Func<RawPeer, Task> Sending(params byte[][] frames) => async peer =>
    {
        await peer.WelcomeCallAsync();
        await peer.SendAsync(frames);
        await peer.HearToEndAsync();
    };

    /// <summary>The same, and then behaves, where the connection still stands.</summary>
    public static Func<RawPeer, Task> SendingAndServing(params byte[][] frames) => async peer =>
    {
        await peer.WelcomeCallAsync();
        await peer.SendAsync(frames);
        await peer.AnswerAllAsync();
    };

    /// <summary>How one call ends.</summary>
    public static async Task<Status> CallAsync(GrpcChannel channel)
    {
        var call = new Echo.EchoClient(channel).UnaryAsync(new EchoRequest { Text = "x" }, deadline: DateTime.UtcNow + RawPeer.Patience / 2);
        try
        {
            await call.ResponseAsync.WaitAsync(RawPeer.Patience);
            return Status.DefaultSuccess;
        }
        catch (RpcException e)
        {
            return e.Status;
        }
    }

    private static long HeldBytes() => GC.GetTotalMemory(forceFullCollection: true) - MessagePool.KeptBytes;
}
