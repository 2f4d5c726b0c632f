using DistSgd.TestKit;

namespace DistSgd.Interop.Tests;

/// <summary>A foreign client that runs the cases it is told, and our server, which it calls; both shared by the tests of a class.</summary>
public abstract class PeerClient : IAsyncLifetime
{
    private readonly OwnServer _server = new();
    private readonly string[] _needs;
    private readonly string _program;
    private readonly string _script;
    private PeerProcess? _peer;

    private protected PeerClient(string[] needs, string program, string script) => (_needs, _program, _script) = (needs, program, script);

    /// <summary>The names of the cases that the script has.</summary>
    public string[] Cases => Peer.Greeting.Split(' ');

    private PeerProcess Peer => _peer ?? throw new InvalidOperationException(_needs.Select(Need.WhyMissing).First(reason => reason is not null));

    /// <inheritdoc/>
    public async Task InitializeAsync()
    {
        if (_needs.Any(need => Need.WhyMissing(need) is not null))
            return; // The tests are skipped; where everything is required, using the peer fails with the reason.
        await _server.InitializeAsync();
        _peer = await PeerProcess.StartAsync(_program, _script, _server.Address);
    }

    /// <summary>Has the client run a case.</summary>
    public async Task PassesAsync(string name)
    {
        var answer = await Peer.AskAsync(name);
        Assert.True(answer == $"PASS {name}", answer.Replace(@"\n", "\n", StringComparison.Ordinal));
        Assert.Empty(_server.TakeEncodingFaults());
    }

    /// <inheritdoc/>
    public async Task DisposeAsync()
    {
        if (_peer is not null)
            await _peer.DisposeAsync();
        await _server.DisposeAsync();
    }
}

/// <summary>python/client.py.</summary>
public sealed class PythonClient() : PeerClient([Python.Grpc, Python.Protobuf, Python.Compiler, Python.Plugin], ForeignProgram.Python, "python/client.py");

/// <summary>node/client.js.</summary>
public sealed class NodeClient() : PeerClient([Node.Program, Node.Modules], "node", "node/client.js");
