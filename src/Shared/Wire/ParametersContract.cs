using Grpc.Core;

namespace DistSgd.Shared.Wire;

/// <summary>The service <c>distsgd.v1.Parameters</c> with the hand-written codec of its hot messages.</summary>
public static class ParametersContract
{
    /// <summary>Full name of the service.</summary>
    public const string ServiceName = "distsgd.v1.Parameters";

    private static readonly string[] MethodNames = ["Push", "Pull", "PushPull"];

    /// <summary>The methods as a server binds them.</summary>
    public static IEnumerable<Method<IncomingRequest, OutgoingResponse>> ServerMethods { get; } =
        [.. MethodNames.Select(name => new Method<IncomingRequest, OutgoingResponse>(MethodType.Unary, ServiceName, name,
            Marshallers.Create<IncomingRequest>(Unused, IncomingRequest.Deserialize),
            Marshallers.Create(OutgoingResponse.Serialize, Unused<OutgoingResponse>)))];

    /// <summary>A method as one caller uses it: answers are read into the given object.</summary>
    /// <param name="name">Push, Pull or PushPull.</param>
    /// <param name="response">Receives each answer; one call at a time.</param>
    public static Method<OutgoingRequest, IncomingResponse> ClientMethod(string name, IncomingResponse response) =>
        new(MethodType.Unary, ServiceName, name,
            Marshallers.Create(OutgoingRequest.Serialize, Unused<OutgoingRequest>),
            Marshallers.Create(Unused, response.Deserialize));

    private static void Unused<T>(T message, SerializationContext context) =>
        throw new InvalidOperationException($"{typeof(T).Name} is never written on this side.");

    private static T Unused<T>(DeserializationContext context) =>
        throw new InvalidOperationException($"{typeof(T).Name} is never read on this side.");
}
