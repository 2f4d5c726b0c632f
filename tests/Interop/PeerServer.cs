using DistSgd.TestKit;
using Grpc.Core;
using Grpc.Net.Client;

namespace DistSgd.Interop.Tests;

/// <summary>A foreign server, shared by the tests of a class, and our channel to it.</summary>
public abstract class PeerServer : IAsyncLifetime
{
    /// <summary>The server's receive limit, bytes.</summary>
    public const int MessageBytesMax = 33 << 20;

    private readonly string[] _needs;
    private readonly string _program;
    private readonly string _script;
    private PeerProcess? _peer;
    private GrpcChannel? _channel;

    private protected PeerServer(string[] needs, string program, string script) => (_needs, _program, _script) = (needs, program, script);

    internal CallInvoker Invoker => _channel?.CreateCallInvoker() ?? throw new InvalidOperationException(_needs.Select(Need.WhyMissing).First(reason => reason is not null));

    /// <inheritdoc/>
    public async Task InitializeAsync()
    {
        if (_needs.Any(need => Need.WhyMissing(need) is not null))
            return; // The tests are skipped; where everything is required, using the invoker fails with the reason.
        _peer = await PeerProcess.StartAsync(_program, _script, MessageBytesMax.ToString());
        _channel = OwnClient.Connect($"127.0.0.1:{_peer.Greeting}");
    }

    /// <inheritdoc/>
    public async Task DisposeAsync()
    {
        _channel?.Dispose();
        if (_peer is not null)
            await _peer.DisposeAsync();
    }
}

/// <summary>python/server.py.</summary>
public sealed class PythonServer() : PeerServer([Python.Grpc, Python.Protobuf, Python.Compiler, Python.Plugin], ForeignProgram.Python, "python/server.py");

/// <summary>node/server.js.</summary>
public sealed class NodeServer() : PeerServer([Node.Program, Node.Modules], "node", "node/server.js");

/// <summary>Our client.</summary>
internal static class OwnClient
{
    public static GrpcChannel Connect(string address) =>
        GrpcChannel.ForAddress($"http://{address}", new GrpcChannelOptions { MaxReceiveMessageSize = null, CompressionProviders = [new CountingGzip(), new Grpc.Net.Compression.DeflateCompressionProvider(System.IO.Compression.CompressionLevel.Fastest)] });
}
