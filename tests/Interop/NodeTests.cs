using DistSgd.TestKit;

namespace DistSgd.Interop.Tests;

/// <summary>@grpc/grpc-js calls our server.</summary>
public sealed class NodeClientTests(NodeClient client) : IClassFixture<NodeClient>
{
    public static TheoryData<string> Cases => CaseMatrix.Of(CaseMatrix.NodeToOurs);

    [PeerTheory(Node.Program, Node.Modules)]
    [MemberData(nameof(Cases))]
    public Task NodeClient_Case_Passes(string name) => client.PassesAsync(name);

    [PeerFact(Node.Program, Node.Modules)]
    public void NodeClient_HasNoCaseThatIsNotRun() =>
        Assert.Equal(CaseMatrix.NamesOf(CaseMatrix.NodeToOurs).Order(StringComparer.Ordinal), client.Cases.Order(StringComparer.Ordinal));
}

/// <summary>Our client calls @grpc/grpc-js.</summary>
public sealed class NodeServerTests(NodeServer server) : IClassFixture<NodeServer>
{
    public static TheoryData<string> Cases => CaseMatrix.Of(CaseMatrix.OursToNode);

    [PeerTheory(Node.Program, Node.Modules)]
    [MemberData(nameof(Cases))]
    public Task NodeServer_Case_Passes(string name) => CaseMatrix.RunAsync(CaseMatrix.OursToNode, name, server.Invoker);
}
