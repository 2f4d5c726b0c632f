using System.Net;
using System.Net.Sockets;
using DistSgd.Protos.V1;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Sharding;
using DistSgd.TestKit;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Connections.Features;
using PushKind = DistSgd.Shared.Exchange.PushKind;
using PushName = DistSgd.Shared.Exchange.PushName;
using ShardPlacement = DistSgd.Shared.Exchange.ShardPlacement;

namespace DistSgd.Shared.Tests;

public sealed class GrpcParameterClientTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Exchange_WithNobodyListening_FailsAfterItsDeadlineAndNamesServerAndShard()
    {
        string address = $"127.0.0.1:{FreePort()}";
        var notices = new List<string>();
        var time = new ManualTime();
        await using GrpcParameterClient client = Client(new GrpcClientOptions { RetryDeadline = TimeSpan.FromSeconds(30), Time = time, Waiting = notices.Add }, (address, 16));
        Task exchange = client.ExecuteAsync(PullAll(16), CancellationToken.None).AsTask();
        await MoveUntilAsync(time, exchange);
        ParameterException failed = await Assert.ThrowsAsync<ParameterException>(() => exchange);
        Assert.Equal(ParameterFault.Unavailable, failed.Fault);
        Assert.Contains($"Server {address}, which owns shard 0, could not be reached for 30 s", failed.Message, StringComparison.Ordinal);
        Assert.Contains(address, Assert.Single(notices), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Exchange_ServerKilledAndStartedAgainBetweenCalls_GoesOnAndAppliesNothingTwice()
    {
        var parameters = new DumbParameters(16);
        int port = FreePort();
        ScriptedServer server = await ScriptedServer.StartAsync(parameters, port);
        await using GrpcParameterClient client = Client(new GrpcClientOptions(), (server.Address, 16));
        for (ulong life = 1; life <= 3; life++)
        {
            ParameterExchange exchange = PushPull(16, sequence: life);
            await client.ExecuteAsync(exchange, CancellationToken.None);
            Assert.Equal((life, false), (exchange.Pulled.Span[3], exchange.Duplicate));
            await server.DisposeAsync();
            server = await ScriptedServer.StartAsync(parameters, port);
        }
        await server.DisposeAsync();
        Assert.Equal(3, parameters.Applied);
        Assert.All(parameters.Values, value => Assert.Equal(3f, value));
    }

    [Fact]
    public async Task Exchange_ConnectionCutAfterTheApplyAndBeforeTheAnswer_IsSentAgainAndAppliedOnce()
    {
        var parameters = new DumbParameters(16)
        {
            After = (call, context) =>
            {
                if (call == 1)
                    context.GetHttpContext().Features.Get<IConnectionLifetimeFeature>()!.Abort();
                return Task.CompletedTask;
            },
        };
        await using ScriptedServer server = await ScriptedServer.StartAsync(parameters);
        await using GrpcParameterClient client = Client(new GrpcClientOptions(), (server.Address, 16));
        ParameterExchange exchange = PushPull(16, sequence: 1);
        await client.ExecuteAsync(exchange, CancellationToken.None).AsTask().WaitAsync(Patience);
        Assert.True(exchange.Duplicate);
        Assert.Equal((2, 1), (parameters.Calls, parameters.Applied));
        Assert.All(exchange.Pulled.ToArray(), value => Assert.Equal(1f, value));
        PushPullRequest[] sent = [.. parameters.Requests];
        Assert.Equal(sent[0], sent[1]);
    }

    [Fact]
    public async Task Exchange_RefusedForABoundOrAPassingFault_IsTriedAgainUntilItIsTaken()
    {
        StatusCode[] passing = [StatusCode.ResourceExhausted, StatusCode.Unavailable, StatusCode.Aborted, StatusCode.DeadlineExceeded];
        var parameters = new DumbParameters(16)
        {
            Before = (call, _) => call <= passing.Length ? throw new RpcException(new Status(passing[call - 1], "busy")) : Task.CompletedTask,
        };
        await using ScriptedServer server = await ScriptedServer.StartAsync(parameters);
        var notices = new List<string>();
        await using GrpcParameterClient client = Client(new GrpcClientOptions { Waiting = notices.Add }, (server.Address, 16));
        ParameterExchange exchange = PushPull(16, sequence: 1);
        await client.ExecuteAsync(exchange, CancellationToken.None).AsTask().WaitAsync(Patience);
        Assert.Equal((passing.Length + 1, 1), (parameters.Calls, parameters.Applied));
        Assert.Contains("busy", Assert.Single(notices), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Exchange_RefusedForGood_FailsAtOnceWithTheServersWords()
    {
        (StatusCode Code, ParameterFault Fault)[] faults =
        [
            (StatusCode.InvalidArgument, ParameterFault.Invalid),
            (StatusCode.NotFound, ParameterFault.NotFound),
            (StatusCode.Internal, ParameterFault.Unavailable),
            (StatusCode.Unimplemented, ParameterFault.Unavailable),
        ];
        foreach ((StatusCode code, ParameterFault fault) in faults)
        {
            var parameters = new DumbParameters(16) { Before = (_, _) => throw new RpcException(new Status(code, "these words")) };
            await using ScriptedServer server = await ScriptedServer.StartAsync(parameters);
            await using GrpcParameterClient client = Client(new GrpcClientOptions(), (server.Address, 16));
            ParameterException refused = await Assert.ThrowsAsync<ParameterException>(async () => await client.ExecuteAsync(PullAll(16), CancellationToken.None));
            Assert.Equal((fault, 1), (refused.Fault, parameters.Calls));
            Assert.Contains("these words", refused.Message, StringComparison.Ordinal);
            Assert.DoesNotContain("could not be reached", refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Exchange_ServerThatNeverAnswers_IsGivenUpAtTheCallsDeadlineAndTriedAgain()
    {
        var parameters = new DumbParameters(16) { Before = (call, context) => call == 1 ? Task.Delay(Timeout.Infinite, context.CancellationToken) : Task.CompletedTask };
        await using ScriptedServer server = await ScriptedServer.StartAsync(parameters);
        await using GrpcParameterClient client = Client(new GrpcClientOptions { CallDeadline = TimeSpan.FromSeconds(1) }, (server.Address, 16));
        ParameterExchange exchange = PushPull(16, sequence: 1);
        await client.ExecuteAsync(exchange, CancellationToken.None).AsTask().WaitAsync(Patience);
        Assert.Equal(1, parameters.Applied);
    }

    [Fact]
    public async Task Exchange_Cancelled_EndsAtOnce()
    {
        var called = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var parameters = new DumbParameters(16)
        {
            Before = (_, context) =>
            {
                called.TrySetResult();
                return Task.Delay(Timeout.Infinite, context.CancellationToken);
            },
        };
        await using ScriptedServer server = await ScriptedServer.StartAsync(parameters);
        await using GrpcParameterClient client = Client(new GrpcClientOptions(), (server.Address, 16));
        using var cancel = new CancellationTokenSource();
        Task exchange = client.ExecuteAsync(PullAll(16), cancel.Token).AsTask();
        await called.Task.WaitAsync(Patience);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => exchange.WaitAsync(Patience));
    }

    [Fact]
    public async Task Exchange_AnswersOfTheWrongLengthOrMalformed_AreRefused()
    {
        foreach (int bytes in (int[])[0, 4, 63, 68])
        {
            var parameters = new DumbParameters(16) { Answer = response => response.Values = ByteString.CopyFrom(new byte[bytes]) };
            await using ScriptedServer server = await ScriptedServer.StartAsync(parameters);
            await using GrpcParameterClient client = Client(new GrpcClientOptions(), (server.Address, 16));
            ParameterException refused = await Assert.ThrowsAsync<ParameterException>(async () => await client.ExecuteAsync(PullAll(16), CancellationToken.None));
            Assert.Contains(bytes == 63 ? "not a multiple of 4" : $"answered {bytes / 4} values; 16 were asked for", refused.Message, StringComparison.Ordinal);
            Assert.Contains(server.Address, refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Exchange_OverSeveralServers_SendsEachShardItsKeysRelativeToItsFirst()
    {
        DumbParameters[] parameters = [new(16), new(32), new(3)];
        var servers = new List<ScriptedServer>();
        foreach (DumbParameters one in parameters)
            servers.Add(await ScriptedServer.StartAsync(one));
        await using (GrpcParameterClient client = Client(new GrpcClientOptions(), [.. servers.Zip(parameters, (server, one) => (server.Address, one.Values.Length))]))
        {
            var exchange = new ParameterExchange(3)
            {
                PushKeys = KeySet.List([0, 15, 16, 20, 50]),
                PushValues = new float[] { 1, 2, 3, 4, 5 },
                PushName = new PushName(1, 1),
                PullKeys = KeySet.Range(14, 37),
                Pulled = new float[37],
            };
            await client.ExecuteAsync(exchange, CancellationToken.None);
            Assert.Equal((1f, 2f, 3f, 4f, 5f), (parameters[0].Values[0], parameters[0].Values[15], parameters[1].Values[0], parameters[1].Values[4], parameters[2].Values[2]));
            float[] expected = new float[37];
            (expected[1], expected[2], expected[6], expected[36]) = (2, 3, 4, 5);
            Assert.Equal(expected, exchange.Pulled.ToArray());
            Assert.Equal((5 * 8, 37 * 4), (client.BytesPushed, client.BytesPulled));
            // A shard without keys hears of the push all the same: its clock of regularisation follows.
            exchange.PushKeys = KeySet.List([1]);
            exchange.PushValues = new float[] { 9 };
            exchange.PushName = new PushName(1, 2);
            exchange.PullKeys = null;
            await client.ExecuteAsync(exchange, CancellationToken.None);
            Assert.All(parameters, one => Assert.Equal(2, one.Applied));
        }
        foreach (ScriptedServer server in servers)
            await server.DisposeAsync();
    }

    [Fact]
    public async Task ManyExchangesUnderWay_ThroughConnectionsThatAreCut_AreAppliedOnceAndInOrder()
    {
        var parameters = new DumbParameters(16)
        {
            After = (call, context) =>
            {
                if (call is 50 or 51 or 170 or 400)
                    context.GetHttpContext().Features.Get<IConnectionLifetimeFeature>()!.Abort();
                return Task.CompletedTask;
            },
        };
        await using ScriptedServer server = await ScriptedServer.StartAsync(parameters);
        await using GrpcParameterClient client = Client(new GrpcClientOptions(), (server.Address, 16));
        ParameterExchange[] exchanges = [.. Enumerable.Range(1, 300).Select(i => PushPull(16, (ulong)i))];
        await Task.WhenAll(exchanges.Select(exchange => client.ExecuteAsync(exchange, CancellationToken.None).AsTask())).WaitAsync(Patience);
        Assert.Equal(300, parameters.Applied);
        // Exchanges 50 and 51 may come in one message: the second is then done before the first one's cut is felt.
        Assert.True(parameters.Streams >= 3, $"{parameters.Streams} streams");
        ulong[] first = [.. parameters.Requests.Select(request => request.Push.Name.Sequence).Distinct()];
        Assert.Equal(Enumerable.Range(1, 300).Select(i => (ulong)i), first);
        Assert.All(exchanges, exchange => Assert.True(exchange.Pulled.Span[0] >= exchange.PushName.Sequence));
        Assert.All(parameters.Values, value => Assert.Equal(300f, value));
    }

    [Fact]
    public async Task KeySets_AreSentOnceAStream_AndAgainOnTheNext()
    {
        var parameters = new DumbParameters(100)
        {
            After = (call, context) =>
            {
                if (call == 3)
                    context.GetHttpContext().Features.Get<IConnectionLifetimeFeature>()!.Abort();
                return Task.CompletedTask;
            },
        };
        await using ScriptedServer server = await ScriptedServer.StartAsync(parameters);
        await using GrpcParameterClient client = Client(new GrpcClientOptions(), (server.Address, 100));
        KeySet keys = KeySet.List([2, 3, 5, 7, 99]);
        for (ulong sequence = 1; sequence <= 4; sequence++)
        {
            var exchange = new ParameterExchange(1) { PushKeys = keys, PushValues = new float[] { 1, 1, 1, 1, 1 }, PushName = new PushName(1, sequence), PullKeys = keys, Pulled = new float[5] };
            await client.ExecuteAsync(exchange, CancellationToken.None).AsTask().WaitAsync(Patience);
            Assert.All(exchange.Pulled.ToArray(), value => Assert.Equal(sequence, value));
        }
        Assert.Equal((bool[])[true, false, false, true, false], parameters.Exchanges.Select(exchange => exchange.Push.Keys.Coded.Length > 0));
        Assert.All(parameters.Exchanges, exchange => Assert.True(exchange.Pull.Keys.Coded.IsEmpty && exchange.Pull.Keys.Set == exchange.Push.Keys.Set));
    }

    [Fact]
    public async Task BulkVectors_AreCutIntoParts_AndNaNIsRefusedBeforeTheFirst()
    {
        const int Keys = 300_000;
        var parameters = new DumbParameters(Keys);
        await using ScriptedServer server = await ScriptedServer.StartAsync(parameters);
        await using GrpcParameterClient client = Client(new GrpcClientOptions(), (server.Address, Keys));
        ParameterExchange exchange = PushPull(Keys, 1);
        await client.ExecuteAsync(exchange, CancellationToken.None).AsTask().WaitAsync(Patience);
        Assert.Equal(1f, Assert.Single(exchange.Pulled.ToArray().Distinct()));
        Assert.Equal(5, parameters.Applied);
        Assert.Equal((uint[])[0, 1, 2, 3, 4], parameters.Exchanges.Where(one => one.Push is not null).Select(one => one.Push.Part));
        Assert.All(parameters.Exchanges, one => Assert.True(one.Push is null ? one.Pull is not null : one.Push.Parts == 5));
        var values = new float[Keys];
        values[^1] = float.NaN;
        exchange.PushValues = values;
        exchange.PushName = new PushName(7, 2);
        ParameterException refused = await Assert.ThrowsAsync<ParameterException>(async () => await client.ExecuteAsync(exchange, CancellationToken.None));
        Assert.Equal((ParameterFault.NotFinite, 5), (refused.Fault, parameters.Applied));
    }

    [Fact]
    public async Task ServerOfAnotherContract_IsNamedAtOnce()
    {
        var parameters = new DumbParameters(16) { Version = 2 };
        await using ScriptedServer server = await ScriptedServer.StartAsync(parameters);
        await using GrpcParameterClient client = Client(new GrpcClientOptions(), (server.Address, 16));
        ParameterException refused = await Assert.ThrowsAsync<ParameterException>(async () => await client.ExecuteAsync(PullAll(16), CancellationToken.None));
        Assert.Contains("speaks version 2 of the stream's contract; this client speaks 1", refused.Message, StringComparison.Ordinal);
        Assert.Contains(server.Address, refused.Message, StringComparison.Ordinal);
    }

    // Real connections are refused in real time; the pauses between the attempts are the test's.
    [Fact]
    public async Task Client_DisposedWhileARefusedExchangeWaitsForItsNextTry_EndsIt_AndThoseOfLater()
    {
        var time = new ManualTime();
        var parameters = new DumbParameters(16) { Before = (_, _) => throw new RpcException(new Status(StatusCode.ResourceExhausted, "busy")) };
        await using ScriptedServer server = await ScriptedServer.StartAsync(parameters);
        GrpcParameterClient client = Client(new GrpcClientOptions { Time = time }, (server.Address, 16));
        Task exchange = client.ExecuteAsync(PullAll(16), CancellationToken.None).AsTask();
        // The watch over the silence, and the pause before the next try.
        await time.TimersAsync(2, Patience);
        await client.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => exchange.WaitAsync(Patience));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => client.ExecuteAsync(PullAll(16), CancellationToken.None).AsTask().WaitAsync(Patience));
    }

    private static async Task MoveUntilAsync(ManualTime time, Task done)
    {
        while (!done.IsCompleted)
        {
            await Task.WhenAny(done, time.TimersAsync(1, Patience));
            time.Advance(TimeSpan.FromSeconds(2));
        }
    }

    private static ParameterExchange PullAll(int keys) => new(1) { PullKeys = KeySet.Range(0, keys), Pulled = new float[keys] };

    private static ParameterExchange PushPull(int keys, ulong sequence) => new(1)
    {
        PushKeys = KeySet.Range(0, keys),
        PushValues = Enumerable.Repeat(1f, keys).ToArray(),
        PushKind = PushKind.Delta,
        PushName = new PushName(7, sequence),
        PullKeys = KeySet.Range(0, keys),
        Pulled = new float[keys],
    };

    private static GrpcParameterClient Client(GrpcClientOptions options, params (string Server, int Keys)[] shards)
    {
        var placements = new List<ShardPlacement>();
        long first = 0;
        foreach ((string server, int keys) in shards)
        {
            placements.Add(new ShardPlacement(placements.Count, new KeyRange(first, keys), server));
            first += keys;
        }
        return new GrpcParameterClient("job", 1, placements, options);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
