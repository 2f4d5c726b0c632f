using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using DistSgd.Protos.V1;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace DistSgd.Shared.Tests;

/// <summary>
/// The dumbest server there can be, over the generated codec: values in an array, names in a set. It outlives its process, so to speak: the
/// state stays with the test while hosts come and go. A script may answer calls in its place.
/// </summary>
internal sealed class DumbParameters(int keys) : Parameters.ParametersBase
{
    private readonly Lock _gate = new();
    private readonly HashSet<(ulong, ulong, uint)> _applied = [];
    private int _calls;
    private int _streams;

    public float[] Values { get; } = new float[keys];

    public int Applied => _applied.Count;

    public int Calls => Volatile.Read(ref _calls);

    /// <summary>Runs before (and may refuse) each call; gets the call's number from 1.</summary>
    public Func<int, ServerCallContext, Task>? Before { get; set; }

    /// <summary>Runs after each call was done, before it is acknowledged.</summary>
    public Func<int, ServerCallContext, Task>? After { get; set; }

    /// <summary>Changes each answer.</summary>
    public Action<PushPullResponse>? Answer { get; set; }

    /// <summary>Requests, of calls and of streams, with plain keys.</summary>
    public ConcurrentQueue<PushPullRequest> Requests { get; } = [];

    /// <summary>Exchanges of streams as they came.</summary>
    public ConcurrentQueue<StreamExchange> Exchanges { get; } = [];

    /// <summary>Streams opened so far.</summary>
    public int Streams => Volatile.Read(ref _streams);

    /// <summary>What a welcome grants.</summary>
    public Credit Granted { get; set; } = new() { Exchanges = 100, Bytes = 1 << 22, KeySets = 100, KeySetBytes = 1 << 22, ExchangeBytes = 1 << 20 };

    /// <summary>The contract that a welcome speaks.</summary>
    public uint Version { get; set; } = 1;

    public override async Task<PushPullResponse> PushPull(PushPullRequest request, ServerCallContext context)
    {
        int call = Interlocked.Increment(ref _calls);
        Requests.Enqueue(request);
        if (Before is not null)
            await Before(call, context);
        PushPullResponse response = Apply(request);
        if (After is not null)
            await After(call, context);
        Answer?.Invoke(response);
        return response;
    }

    public override async Task<PushResponse> Push(PushRequest request, ServerCallContext context)
    {
        PushPullResponse both = await PushPull(new PushPullRequest { Job = request.Job, Shard = request.Shard, Push = request.Push }, context);
        return new PushResponse { Version = both.Version, Duplicate = both.Duplicate };
    }

    public override async Task<PullResponse> Pull(PullRequest request, ServerCallContext context)
    {
        PushPullResponse both = await PushPull(new PushPullRequest { Job = request.Job, Shard = request.Shard, Pull = request.Pull }, context);
        return new PullResponse { Version = both.Version, Values = both.Values };
    }

    /// <summary>A stream as docs/wire.md describes it: one exchange after the other, each through <see cref="PushPull"/>.</summary>
    public override async Task Exchange(IAsyncStreamReader<ClientFrames> requests, IServerStreamWriter<ServerFrames> responses, ServerCallContext context)
    {
        string job = "";
        var sets = new Dictionary<uint, ByteString>();
        Interlocked.Increment(ref _streams);
        while (await requests.MoveNext(context.CancellationToken))
        {
            foreach (ClientFrame frame in requests.Current.Frames)
            {
                if (frame.Hello is { } hello)
                {
                    job = hello.Job;
                    await responses.WriteAsync(Frames(new ServerFrame { Welcome = new Welcome { Version = Version, Granted = Granted } }));
                    continue;
                }
                Exchanges.Enqueue(frame.Exchange.Clone());
                Know(frame.Exchange.Push?.Keys, sets);
                Know(frame.Exchange.Pull?.Keys, sets);
                await responses.WriteAsync(Frames(await AnswerAsync(job, frame.Exchange, context)));
            }
        }
    }

    private async Task<ServerFrame> AnswerAsync(string job, StreamExchange exchange, ServerCallContext context)
    {
        try
        {
            PushPullResponse both = await PushPull(new PushPullRequest { Job = job, Shard = exchange.Shard, Push = exchange.Push, Pull = exchange.Pull }, context);
            return new ServerFrame { Answer = new Answer { Id = exchange.Id, Version = both.Version, Duplicate = both.Duplicate, Values = both.Values } };
        }
        catch (RpcException refused)
        {
            return new ServerFrame { Refusal = new Refusal { Id = exchange.Id, Code = (uint)refused.StatusCode, Message = refused.Status.Detail } };
        }
    }

    private static void Know(ShardKeys? keys, Dictionary<uint, ByteString> sets)
    {
        DumbKeys.Uncode(keys);
        if (keys is null || keys.Set == 0)
            return;
        if (keys.Keys.IsEmpty)
            keys.Keys = sets[keys.Set];
        else
            sets[keys.Set] = keys.Keys;
    }

    private static ServerFrames Frames(ServerFrame frame) => new() { Frames = { frame } };

    private PushPullResponse Apply(PushPullRequest request)
    {
        lock (_gate)
        {
            var response = new PushPullResponse();
            if (request.Push is { } push && !(response.Duplicate = !_applied.Add((push.Name.Source, push.Name.Sequence, push.Part))))
            {
                ReadOnlySpan<float> values = MemoryMarshal.Cast<byte, float>(push.Values.Span);
                foreach ((int key, int place) in Keys(push.Keys).Select((key, place) => (key, place)))
                    Values[key] += values[place];
            }
            response.Version = (ulong)_applied.Count;
            if (request.Pull is { } pull)
                response.Values = ByteString.CopyFrom(RandomExchange.Bytes<float>([.. Keys(pull.Keys).Select(key => Values[key])]));
            return response;
        }
    }

    private static int[] Keys(ShardKeys keys) => keys.Keys.IsEmpty
        ? [.. Enumerable.Range((int)keys.First, (int)keys.Count)]
        : [.. MemoryMarshal.Cast<byte, uint>(keys.Keys.Span).ToArray().Select(key => (int)key)];
}

/// <summary>One life of a server at a port.</summary>
internal sealed class ScriptedServer : IAsyncDisposable
{
    private readonly WebApplication _application;

    private ScriptedServer(WebApplication application)
    {
        _application = application;
        Address = new Uri(application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single()).Authority;
    }

    public string Address { get; }

    public static async Task<ScriptedServer> StartAsync(DumbParameters parameters, int port = 0)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, port, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(parameters);
        WebApplication application = builder.Build();
        application.MapGrpcService<DumbParameters>();
        await application.StartAsync();
        return new ScriptedServer(application);
    }

    /// <summary>Ends at once, as if killed: connections break, calls under way are not waited for.</summary>
    public async ValueTask DisposeAsync()
    {
        await _application.StopAsync(new CancellationToken(canceled: true));
        await _application.DisposeAsync();
    }
}
