using System.Collections.Concurrent;
using DistSgd.Protos.V1;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace DistSgd.Cli.Tests;

/// <summary>A server that says whatever a test wants of it.</summary>
internal sealed class PretendServer : IAsyncDisposable
{
    private readonly WebApplication _application;

    private PretendServer(WebApplication application, Script script) => (_application, Says) = (application, script);

    public string Address => Listeners.AddressOf(_application);

    public Script Says { get; }

    /// <summary>Describes job 'j', of one table 'weights' of so many keys, all in shard 0; a script changes that.</summary>
    public static async Task<PretendServer> StartAsync(ulong keys = 3, uint width = 1, Action<DescribeResponse>? describe = null)
    {
        var script = new Script(width, () =>
        {
            var answer = new DescribeResponse
            {
                Contract = 1,
                ServerVersion = "9.9",
                UnixTimeUs = (ulong)DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1000,
                Jobs = { new JobDescription { Job = "j", Width = width, EntryFloats = width, Tables = { new Table { Name = "weights", Count = keys } } } },
                Shards = { new ShardDescription { Job = "j", Count = keys } },
            };
            describe?.Invoke(answer);
            return answer;
        });
        WebApplication application = await Listeners.HostAsync(
            listen => listen.Protocols = HttpProtocols.Http2,
            app =>
            {
                app.MapGrpcService<PretendShards>();
                app.MapGrpcService<PretendParameters>();
            },
            services => services.AddSingleton(script));
        return new PretendServer(application, script);
    }

    public ValueTask DisposeAsync() => _application.DisposeAsync();

    internal sealed class Script(uint width, Func<DescribeResponse> describe)
    {
        public Func<DescribeResponse> Describe { get; } = describe;

        public ConcurrentQueue<PushRequest> Pushes { get; } = [];

        public ConcurrentQueue<PullRequest> Pulls { get; } = [];

        /// <summary>Refuses some pushes.</summary>
        public Func<PushRequest, Status>? Push { get; set; }

        /// <summary>The number of bytes in the answer to a pull of so many keys.</summary>
        public Func<int, int> PulledBytes { get; set; } = keys => (int)width * keys * sizeof(float);
    }

    private sealed class PretendShards(Script script) : Shards.ShardsBase
    {
        public override Task<DescribeResponse> Describe(DescribeRequest request, ServerCallContext context) => Task.FromResult(script.Describe());
    }

    private sealed class PretendParameters(Script script) : Parameters.ParametersBase
    {
        public override Task<PushResponse> Push(PushRequest request, ServerCallContext context)
        {
            if (script.Push?.Invoke(request) is { StatusCode: not StatusCode.OK } status)
                throw new RpcException(status);
            script.Pushes.Enqueue(request);
            return Task.FromResult(new PushResponse { Version = 1 });
        }

        public override Task<PullResponse> Pull(PullRequest request, ServerCallContext context)
        {
            script.Pulls.Enqueue(request);
            return Task.FromResult(new PullResponse { Values = ByteString.CopyFrom(new byte[script.PulledBytes((int)request.Pull.Keys.Count)]) });
        }
    }
}
